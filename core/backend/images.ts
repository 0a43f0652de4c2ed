/**
 * Image files: what an emulated disk's medium is made over. Access is synchronous, because virtual
 * time stands still meanwhile, and it is part of the door: a session notes what an image held when
 * it was opened, and a replay must find the same.
 */

export interface ImageOptions {
  readonly readOnly: boolean;
}

/** An open image. Its size stays what it was when it was opened. */
export interface ImageFile {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /**
   * Fills `target` with the bytes from `offset` on.
   * @throws {RangeError} for a range that is not all inside
   * @throws {ReelError} EIO when the file has become shorter; the errno's code
   */
  read(offset: number, target: Uint8Array): void;
  /**
   * Writes all of `bytes`.
   * @throws {RangeError} for a range that is not all inside
   * @throws {ReelError} EROFS, ENOSPC and others, the errno's code; a part may be written then
   */
  write(offset: number, bytes: Uint8Array): void;
  /** Makes what was written durable. @throws {ReelError} the errno's code */
  flush(): void;
  /** Idempotent. */
  close(): void;
}

export interface Images {
  /**
   * Opens a regular file.
   * @throws {ReelError} ENOENT and others, the errno's code; ERR_UNSUPPORTED for what is no regular
   *   file; on replay ERR_INCOMPATIBLE_RECORDING for a file that does not hold what it held
   */
  open(path: string, options: ImageOptions): ImageFile;
}

/** @throws {RangeError} when a run of bytes is not all inside an image */
export function checkRange(image: ImageFile, offset: number, length: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && offset + length <= image.sizeBytes) return;
  throw new RangeError(
    `Cannot use ${length} bytes of an image from byte ${offset}: it has ${image.sizeBytes}`,
  );
}
