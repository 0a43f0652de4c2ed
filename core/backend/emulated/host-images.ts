/** Image files on the host, by positioned reads and writes that do not wait for anybody else. */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";

import { codeOfResult, ReelError, type ErrorCode } from "../../errors.ts";
import { checkRange, type ImageFile, type ImageOptions, type Images } from "../images.ts";

/** An image with the name under which the host knows the file itself, whatever its path. */
export interface HostImage extends ImageFile {
  readonly identity: string;
}

export class HostImages implements Images {
  open(path: string, options: ImageOptions): HostImage {
    const what = `Cannot open the image ${JSON.stringify(path)}`;
    const access = options.readOnly ? constants.O_RDONLY : constants.O_RDWR;
    // A named pipe would wait for its other end otherwise.
    const fd = attempt(what, () => openSync(path, access | constants.O_NONBLOCK));
    try {
      const status = fstatSync(fd);
      if (!status.isFile()) {
        throw new ReelError("ERR_UNSUPPORTED", `${what}: it is no regular file`, {
          mend: "Copy the device into a file, or drive it on io_uring",
        });
      }
      const identity = `${status.dev}:${status.ino}`;
      return new OpenImage(path, fd, status.size, options.readOnly, identity);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }
}

class OpenImage implements HostImage {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly identity: string;
  readonly #path: string;
  readonly #fd: number;
  #closed = false;

  constructor(path: string, fd: number, sizeBytes: number, readOnly: boolean, identity: string) {
    this.#path = path;
    this.#fd = fd;
    this.sizeBytes = sizeBytes;
    this.readOnly = readOnly;
    this.identity = identity;
  }

  read(offset: number, target: Uint8Array): void {
    checkRange(this, offset, target.length);
    const what = `Cannot read the image ${this.#open()}`;
    for (let done = 0; done < target.length;) {
      const count = attempt(what, () =>
        readSync(this.#fd, target, done, target.length - done, offset + done),
      );
      if (count === 0) {
        throw new ReelError("EIO", `${what}: it ends at byte ${offset + done}, wanted more`, {
          mend: `Restore the image: it had ${this.sizeBytes} bytes when it was opened`,
        });
      }
      done += count;
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    checkRange(this, offset, bytes.length);
    const what = `Cannot write to the image ${this.#open()}`;
    if (this.readOnly) throw new ReelError("EROFS", `${what}: it was opened for reading`);
    for (let done = 0; done < bytes.length;) {
      done += attempt(what, () =>
        writeSync(this.#fd, bytes, done, bytes.length - done, offset + done),
      );
    }
  }

  flush(): void {
    const what = `Cannot flush the image ${this.#open()}`;
    attempt(what, () => fdatasyncSync(this.#fd));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  #open(): string {
    const name = JSON.stringify(this.#path);
    if (!this.#closed) return name;
    throw new ReelError("ERR_CLOSED", `Cannot use the image ${name}: it is closed`);
  }
}

const MENDS: Readonly<Partial<Record<ErrorCode, string>>> = {
  EACCES: "Give this user the right to it, or open it with `readOnly`",
  ENOENT: "Write the path as seen from the process's folder, or make the image first",
};

/** Makes a call of the host's; its failure becomes an error of ours. */
function attempt<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const { errno } = cause as { errno?: unknown };
    if (typeof errno !== "number" || errno === 0) throw cause;
    const code = codeOfResult(errno);
    const mend = MENDS[code];
    const options = mend === undefined ? { cause } : { mend, cause };
    throw new ReelError(code, `${what}: the host gave ${code}`, options);
  }
}
