/**
 * Images with a tap. Of each image, the session keeps how large it was and the SHA-256 of all that
 * it held; of each write, the checksum of what was written and, whole, what that overwrote: so the
 * image that a replay needs can be had from the one that the recorded run left behind. Reads are
 * told by what the image held; only their failures are part of the session.
 */
import type { HostImage, HostImages } from "../backend/emulated/host-images.ts";
import { checkRange, type ImageFile, type ImageOptions, type Images } from "../backend/images.ts";
import { isReelError, resultOfCode } from "../errors.ts";
import { HOST_CALL } from "./event.ts";
import type { Tap } from "./tap.ts";

type Numbers = readonly number[];

const DIGEST_CHUNK_BYTES = 1 << 20;

/** What is recorded of the use of images: numbers; the path is a fact of the host. */
export const imageArguments = {
  open: (options: ImageOptions): Numbers => [options.readOnly ? 1 : 0],
  /** @param ordinal which access to the image it is, from 0 */
  read: (image: number, ordinal: number): Numbers => [image, ordinal],
  write: (image: number, offset: number, bytes: Uint8Array): Numbers => [
    image,
    offset,
    bytes.length,
    Bun.hash.crc32(bytes),
  ],
  flush: (image: number, ordinal: number): Numbers => [image, ordinal],
};

/** SHA-256 of all that an image holds. */
export function digestImage(image: ImageFile): Uint8Array {
  const hasher = new Bun.CryptoHasher("sha256");
  const chunk = new Uint8Array(Math.min(DIGEST_CHUNK_BYTES, image.sizeBytes));
  for (let offset = 0; offset < image.sizeBytes; offset += chunk.length) {
    const part = chunk.subarray(0, image.sizeBytes - offset);
    image.read(offset, part);
    hasher.update(part);
  }
  return new Uint8Array(hasher.digest());
}

/** Tells the tap of a call that the host refused. */
function tapFailure<T>(tap: Tap, call: number, args: Numbers, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (isReelError(error)) tap.host(call, args, [resultOfCode(error.code)], undefined);
    throw error;
  }
}

export class TapImages implements Images {
  readonly #inner: HostImages;
  readonly #tap: Tap;
  /** The number of the image that was the first to be opened of each file. */
  readonly #first = new Map<string, number>();
  #opened = 0;

  constructor(inner: HostImages, tap: Tap) {
    this.#inner = inner;
    this.#tap = tap;
  }

  open(path: string, options: ImageOptions): ImageFile {
    const args = imageArguments.open(options);
    const [image, digest] = tapFailure(this.#tap, HOST_CALL.OPEN_IMAGE, args, () => {
      const opened = this.#inner.open(path, options);
      try {
        return [opened, digestImage(opened)] as const;
      } catch (error) {
        opened.close();
        throw error;
      }
    });
    const number = this.#opened++;
    const first = this.#first.get(image.identity) ?? number;
    this.#first.set(image.identity, first);
    this.#tap.host(HOST_CALL.OPEN_IMAGE, args, [0, image.sizeBytes, first], digest);
    return new TapImage(image, this.#tap, number);
  }
}

class TapImage implements ImageFile {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly #inner: HostImage;
  readonly #tap: Tap;
  readonly #number: number;
  #accesses = 0;

  constructor(inner: HostImage, tap: Tap, number: number) {
    this.#inner = inner;
    this.#tap = tap;
    this.#number = number;
    this.sizeBytes = inner.sizeBytes;
    this.readOnly = inner.readOnly;
  }

  read(offset: number, target: Uint8Array): void {
    const args = imageArguments.read(this.#number, this.#accesses++);
    tapFailure(this.#tap, HOST_CALL.READ_IMAGE, args, () => this.#inner.read(offset, target));
  }

  write(offset: number, bytes: Uint8Array): void {
    checkRange(this, offset, bytes.length);
    const args = imageArguments.write(this.#number, offset, bytes);
    let before: Uint8Array | undefined;
    let status = 0;
    try {
      if (!this.readOnly) {
        const held = new Uint8Array(bytes.length);
        this.#inner.read(offset, held);
        before = held;
      }
      this.#inner.write(offset, bytes);
    } catch (error) {
      if (isReelError(error)) status = resultOfCode(error.code);
      throw error;
    } finally {
      // Also when it failed: a part of it may be written.
      this.#tap.host(HOST_CALL.WRITE_IMAGE, args, [status], before);
    }
  }

  flush(): void {
    const args = imageArguments.flush(this.#number, this.#accesses++);
    tapFailure(this.#tap, HOST_CALL.FLUSH_IMAGE, args, () => this.#inner.flush());
  }

  close(): void {
    this.#inner.close();
  }
}
