/** How operations begin: a slot, a loan of the buffer, the first frame, the first wait. */
import type { IoBuffer } from "../buffer/buffer.ts";
import {
  ARGUMENT_F64,
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  COUNT_TRANSITIONS,
  DOUBLE_SHIFT,
  END,
  END_IN_FLIGHT,
  END_LAST,
  END_PROVIDER,
  END_SHIFT,
  FLAGS,
  FLAG_AUTO_RELEASE,
  FLAG_READ,
  FLAG_WRITE,
  GENERATION,
  HEADER_SHIFT,
  IN_FLIGHT,
  LAYER,
  LENGTH,
  NEXT,
  OFFSET_F64,
  OPERATION,
  OWNER,
  PAGE_BYTES,
  PROVIDER,
  STATE,
  TOP,
  WAIT,
  WAIT_ON,
  WAIT_RING,
} from "../descriptor/layout.ts";
import { afterWait } from "./drive.ts";
import { ReelError } from "../errors.ts";
import { fault } from "./faults.ts";
import { halt } from "./halt.ts";
import { FIRST_FRAME } from "../descriptor/stack.ts";
import { OPERATION_SHIFT, type EngineState, type Settler } from "./state.ts";
import { PHASE_WAIT } from "./tokens.ts";

/** What an operation is started with. Reused by callers: the engine keeps no reference. */
export interface StartRequest {
  end: number;
  operation: number;
  buffer: IoBuffer | undefined;
  /** First byte of the buffer to use. */
  at: number;
  length: number;
  offset: number;
  argument: number;
  /** Frees the slot as soon as the outcome is delivered. */
  autoRelease: boolean;
}

/**
 * Starts a layer as an operation of an end.
 * @returns the slot, or -1 when the table is full (nothing was done then)
 */
export function launch(
  e: EngineState,
  request: StartRequest,
  settler: Settler | undefined,
  unnamedLayer: number,
): number {
  const { i32, f64, table } = e;
  const slot = table.freeHead === -1 ? table.refill() : table.freeHead;
  if (slot === -1) return -1;
  const { buffer, end, operation } = request;
  const header = slot << HEADER_SHIFT;
  const endRecord = e.endsAt + (end << END_SHIFT);
  const provider = i32[endRecord + END_PROVIDER]!;
  const entry =
    unnamedLayer === -1
      ? e.operationLayers[(provider << OPERATION_SHIFT) | operation]!
      : e.layers[unnamedLayer]!;
  let flags = request.autoRelease ? FLAG_AUTO_RELEASE : 0;
  if (buffer !== undefined) {
    flags |= lend(e, request);
    i32[header + BUFFER] = buffer.id;
    i32[header + BUFFER_AT] = request.at;
  }
  // What `acquire` and `pushFirst` do, written out: they are too large to be inlined by themselves.
  table.freeHead = i32[header + NEXT]!;
  const frameBytes = entry.frameBytes;
  const base = e.pagesAt + slot * PAGE_BYTES + FIRST_FRAME;
  i32[header + TOP] = base;
  i32[header + LAYER] = entry.number;
  for (let word = base >> 2, to = (base + frameBytes) >> 2; word < to; word++) i32[word] = 0;

  i32[header + STATE] = IN_FLIGHT;
  i32[header + FLAGS] = flags;
  i32[header + PROVIDER] = provider;
  i32[header + END] = end;
  i32[header + OPERATION] = operation;
  i32[header + LENGTH] = request.length;
  i32[header + OWNER] = e.owner;
  const double = slot << DOUBLE_SHIFT;
  f64[double + OFFSET_F64] = request.offset;
  f64[double + BYTES_F64] = 0;
  f64[double + ARGUMENT_F64] = request.argument;
  f64[e.countersAt + COUNT_TRANSITIONS]! += 1;
  i32[endRecord + END_IN_FLIGHT] = i32[endRecord + END_IN_FLIGHT]! + 1;
  i32[endRecord + END_LAST] = slot;
  e.settlers[slot] = settler;
  if (e.tap !== undefined) tapStart(e, slot, request);
  const cx = e.context;
  cx.slot = slot;
  cx.generation = i32[header + GENERATION]!;
  cx.token = PHASE_WAIT;
  let token: number;
  try {
    token = entry.wait(base, cx, 0);
  } catch (error) {
    fault(e, slot, error);
    return slot;
  }
  if (token === WAIT_RING && cx.token === WAIT_RING) {
    i32[header + WAIT] = WAIT_RING;
    i32[header + WAIT_ON] = cx.value;
  } else {
    afterWait(e, slot, token);
  }
  return slot;
}

/**
 * Lends the buffer to the operation.
 * @returns FLAG_READ or FLAG_WRITE
 * @throws {ReelError} ERR_BUFFER_BORROWED
 * @throws {RangeError} when the buffer has no such bytes
 */
function lend(e: EngineState, request: StartRequest): number {
  const { at, length, operation } = request;
  const buffer = request.buffer!;
  if (!e.pool.owns(buffer)) throw foreignBuffer(buffer.id);
  const whole = Number.isInteger(at) && Number.isInteger(length) && at >= 0 && length >= 0;
  if (!whole || at + length > buffer.sizeBytes) {
    throw new RangeError(
      `Cannot use ${length} bytes from byte ${at}: buffer ${buffer.id} has ${buffer.sizeBytes}`,
    );
  }
  const { bufferFlags } = e.providers[e.ends.provider(request.end)]!;
  const flag = bufferFlags[operation] === FLAG_READ ? FLAG_READ : FLAG_WRITE;
  buffer.lend(flag === FLAG_READ);
  return flag;
}

function tapStart(e: EngineState, slot: number, request: StartRequest): void {
  const { end, operation, offset, length, buffer, at } = request;
  const sends = (e.i32[(slot << HEADER_SHIFT) + FLAGS]! & FLAG_WRITE) !== 0;
  const bytes =
    sends && buffer !== undefined ? buffer.block.bytes.subarray(at, at + length) : undefined;
  try {
    const provider = e.ends.provider(end);
    e.tap!.start(slot, provider, end, operation, offset, length, bytes, request.argument);
  } catch (error) {
    halt(e, error);
  }
}

function foreignBuffer(id: number): ReelError {
  return new ReelError("ERR_BAD_HANDLE", `Cannot use buffer ${id}: it is not this runtime's`, {
    mend: "Make it with the runtime that uses it, and do not use it after its disposal",
  });
}
