/**
 * Images of a replay. The file is opened for reading only, and must hold what it held when the
 * recorded run opened it, or what that run left behind: then what the run overwrote is put back, in
 * memory. What the replay writes stays in memory too.
 */
import { checkRange, type ImageFile, type ImageOptions, type Images } from "../backend/images.ts";
import { codeOfResult, isReelError, ReelError } from "../errors.ts";
import { corrupt } from "./cursor.ts";
import type { EventCursor } from "./cursor.ts";
import { nameHostCall } from "./describe.ts";
import { EVENT, HOST_CALL } from "./event.ts";
import { ImageHistory, type FoundImage, type OverlaidImage } from "./image-history.ts";
import { digestImage, imageArguments } from "./tap-images.ts";
import type { Verifier } from "./verifier.ts";

const DIGEST_BYTES = 32;

type Numbers = readonly number[];

/** The recorded session, for the verifier's place in it and for what comes later. */
export interface ReplaySource {
  readonly path?: string;
  cursor(): EventCursor;
}

export class ReplayImages implements Images {
  readonly #inner: Images;
  readonly #verifier: Verifier;
  readonly #source: ReplaySource;
  readonly #history: ImageHistory;
  #opened = 0;
  /** Why an image that the recorded run had cannot be had now. */
  refusal: ReelError | undefined;

  constructor(inner: Images, verifier: Verifier, source: ReplaySource) {
    this.#inner = inner;
    this.#verifier = verifier;
    this.#source = source;
    this.#history = new ImageHistory(() => source.cursor());
  }

  open(path: string, options: ImageOptions): ImageFile {
    const args = imageArguments.open(options);
    const answer = this.#verifier.answerHost(HOST_CALL.OPEN_IMAGE, args);
    raise(HOST_CALL.OPEN_IMAGE, answer?.results);
    const [, sizeBytes, first] = answer!.results;
    const digest = answer!.bytes?.slice();
    if (answer!.results.length !== 3 || digest?.length !== DIGEST_BYTES) {
      corrupt("the answer to openImage is none that the call gives");
    }
    try {
      return this.#open(path, options.readOnly, { sizeBytes, first, digest });
    } catch (error) {
      // Nothing of what the program does without its image is a difference.
      this.#verifier.stop();
      if (isReelError(error)) this.refusal ??= error;
      throw error;
    }
  }

  #open(path: string, readOnly: boolean, wanted: FoundImage): ReplayImage {
    const number = this.#opened++;
    const found = this.#inner.open(path, { readOnly: true });
    try {
      const image = this.#history.asItWas(found, readOnly, number, wanted);
      if (image !== undefined) return new ReplayImage(image, this.#verifier, number);
      throw this.#otherContents(path, found, wanted);
    } catch (error) {
      found.close();
      throw error;
    }
  }

  #otherContents(path: string, found: ImageFile, { digest, sizeBytes }: FoundImage): Error {
    const recording = this.#source.path ?? "the recording";
    return new ReelError(
      "ERR_INCOMPATIBLE_RECORDING",
      `Cannot replay ${recording}: the image ${JSON.stringify(path)} has ${found.sizeBytes} ` +
        `bytes of sha-256 ${digestImage(found).toHex()}, wanted ${sizeBytes} of ${digest.toHex()}`,
      {
        mend:
          "Put the image back as it was before the recorded run; as that left it will do, too, " +
          "where payloads were kept",
      },
    );
  }
}

class ReplayImage implements ImageFile {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly #inner: OverlaidImage;
  readonly #verifier: Verifier;
  readonly #number: number;
  #accesses = 0;

  constructor(inner: OverlaidImage, verifier: Verifier, number: number) {
    this.#inner = inner;
    this.#verifier = verifier;
    this.#number = number;
    this.sizeBytes = inner.sizeBytes;
    this.readOnly = inner.readOnly;
  }

  read(offset: number, target: Uint8Array): void {
    const args = imageArguments.read(this.#number, this.#accesses++);
    this.#failAsRecorded(HOST_CALL.READ_IMAGE, args);
    this.#inner.read(offset, target);
  }

  write(offset: number, bytes: Uint8Array): void {
    checkRange(this, offset, bytes.length);
    const args = imageArguments.write(this.#number, offset, bytes);
    raise(HOST_CALL.WRITE_IMAGE, this.#verifier.answerHost(HOST_CALL.WRITE_IMAGE, args)?.results);
    this.#inner.write(offset, bytes);
  }

  flush(): void {
    const args = imageArguments.flush(this.#number, this.#accesses++);
    this.#failAsRecorded(HOST_CALL.FLUSH_IMAGE, args);
  }

  close(): void {
    this.#inner.close();
  }

  /** Only failures are recorded, and each access has a number of its own. */
  #failAsRecorded(call: number, args: Numbers): void {
    const next = this.#verifier.peek();
    if (next?.kind !== EVENT.HOST || next.code !== call) return;
    if (next.args.length !== args.length || next.args.some((each, at) => each !== args[at])) return;
    raise(call, this.#verifier.answerHost(call, args)?.results);
  }
}

/** @throws {ReelError} the recorded failure; ECANCELED once the replay has diverged */
function raise(call: number, results: Numbers | undefined): void {
  const status = results === undefined ? undefined : (results[0] ?? 0);
  if (status !== undefined && status >= 0) return;
  const what = `Cannot ${nameHostCall(call)}`;
  if (status === undefined) throw new ReelError("ECANCELED", `${what}: the replay has diverged`);
  const code = codeOfResult(status);
  throw new ReelError(code, `${what}: the recorded call gave ${code}`);
}
