/**
 * `ioreel/provider`: everything that an author of a provider needs, and all that one may import.
 */
export {
  ERRNO,
  REEL_ERROR_NUMBERS,
  ReelError,
  codeOfResult,
  isReelError,
  resultOfCode,
} from "../errors.ts";
export { NS_PER_MS, NS_PER_SECOND, ms, seconds, us } from "../clock.ts";
export { t, type Static } from "../schema.ts";
export {
  COMPLETE_BUFFER,
  COMPLETE_MORE,
  COMPLETE_NONEMPTY,
  COMPLETE_NOTIFICATION,
  HOW,
  OPCODE,
  fromGroup,
} from "../backend/contract.ts";
export type { AtHand, FileStatus, HostCalls } from "../backend/contract.ts";
export type { ImageFile, ImageOptions } from "../backend/images.ts";
export type { IoBuffer } from "../buffer/buffer.ts";
export type { FaceDirect, FaceEnd, FaceHost, FaceSink, FaceTransfer } from "./face.ts";
export {
  bool,
  bufferRef,
  bytes,
  handleRef,
  i16,
  i32,
  i53,
  i8,
  oneOf,
  u16,
  u32,
  u48,
  u53,
  u8,
  type Field,
} from "../state/fields.ts";
export { struct, type Struct, type StructShape, type View } from "../state/struct.ts";
export type { Records } from "../state/records.ts";
export {
  NO_OPTIONS,
  PROVIDER_API_VERSION,
  defineProvider,
  type BufferGroup,
  type Capabilities,
  type Driver,
  type DriverContext,
  type DriverMemory,
  type EndDefinition,
  type OperationDefinition,
  type Provider,
  type ProviderDefinition,
  type RangeWords,
  type RefusedRequest,
  type SavedDevice,
} from "./define.ts";
export {
  layer,
  type Layer,
  type LayerContext,
  type Lock,
  type Move,
  type RingRequests,
  type Wait,
  type WaitQueue,
} from "./layer.ts";
