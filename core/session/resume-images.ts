/**
 * Images of a run that goes on where a recording was cut off. While the recording lasts, an image
 * shows what the recorded run found in it, in memory; what that run wrote is in the file already.
 * When the run goes on by itself, what is in memory is written to the file, and the file is used.
 */
import { HostImages, type HostImage } from "../backend/emulated/host-images.ts";
import type { ImageOptions } from "../backend/images.ts";
import { ReelError } from "../errors.ts";
import type { EventCursor } from "./cursor.ts";
import { EVENT, HOST_CALL } from "./event.ts";
import { ImageHistory, type OverlaidImage } from "./image-history.ts";
import type { ResumeTap } from "./resume-tap.ts";
import type { Verifier } from "./verifier.ts";

export class ResumeImages extends HostImages {
  readonly #inner: HostImages;
  readonly #tap: ResumeTap;
  readonly #verifier: Verifier;
  readonly #history: ImageHistory;
  #opened = 0;

  /** @param cursor gives one before the recording's first event */
  constructor(inner: HostImages, tap: ResumeTap, verifier: Verifier, cursor: () => EventCursor) {
    super();
    this.#inner = inner;
    this.#tap = tap;
    this.#verifier = verifier;
    this.#history = new ImageHistory(cursor);
  }

  override open(path: string, options: ImageOptions): HostImage {
    const next = this.#tap.live ? undefined : this.#verifier.peek();
    const opened = this.#inner.open(path, options);
    const number = this.#opened++;
    if (next?.kind !== EVENT.HOST || next.code !== HOST_CALL.OPEN_IMAGE || next.results[0] !== 0) {
      return opened;
    }
    const [, sizeBytes, first] = next.results;
    const wanted = { sizeBytes, first, digest: next.bytes?.slice() ?? new Uint8Array() };
    const image = this.#history.asItWas(opened, options.readOnly, number, wanted);
    if (image !== undefined) return new ResumedImage(image, opened, this.#tap);
    opened.close();
    throw new ReelError(
      "ERR_INCOMPATIBLE_RECORDING",
      `Cannot go on with the recording: the image ${JSON.stringify(path)} holds neither what the ` +
        "recorded run found nor what it left behind",
      { mend: "Put the image back as it was before or after the recorded run" },
    );
  }
}

class ResumedImage implements HostImage {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly identity: string;
  readonly #overlaid: OverlaidImage;
  readonly #file: HostImage;
  readonly #tap: ResumeTap;
  #through = false;

  constructor(overlaid: OverlaidImage, file: HostImage, tap: ResumeTap) {
    this.#overlaid = overlaid;
    this.#file = file;
    this.#tap = tap;
    this.sizeBytes = file.sizeBytes;
    this.readOnly = file.readOnly;
    this.identity = file.identity;
  }

  read(offset: number, target: Uint8Array): void {
    this.#current().read(offset, target);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#current().write(offset, bytes);
  }

  flush(): void {
    this.#current().flush();
  }

  close(): void {
    this.#current();
    this.#file.close();
  }

  #current(): HostImage | OverlaidImage {
    if (this.#through) return this.#file;
    if (!this.#tap.live) return this.#overlaid;
    if (!this.readOnly) this.#overlaid.writeThrough();
    this.#through = true;
    return this.#file;
  }
}
