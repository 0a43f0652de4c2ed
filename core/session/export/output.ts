/** Where exports write: one buffer, handed on whenever it is full, so that none holds a whole. */

/** Takes over what was written; the bytes are valid during the call only. */
export interface ByteSink {
  /** @returns false when nobody takes any more */
  write(bytes: Uint8Array): boolean;
}

const BUFFER_BYTES = 64 << 10;
/** UTF-8 needs at most so many bytes for one unit of a string. */
const UNIT_BYTES_MAX = 3;

export class Output {
  readonly #sink: ByteSink;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #encoder = new TextEncoder();
  #used = 0;
  #stopped = false;

  constructor(sink: ByteSink) {
    this.#sink = sink;
  }

  /** Nobody takes any more: what is written from now on is dropped. */
  get stopped(): boolean {
    return this.#stopped;
  }

  text(text: string): void {
    const most = text.length * UNIT_BYTES_MAX;
    if (most > BUFFER_BYTES) {
      this.bytes(this.#encoder.encode(text));
      return;
    }
    if (this.#used + most > BUFFER_BYTES) this.flush();
    this.#used += this.#encoder.encodeInto(text, this.#buffer.subarray(this.#used)).written;
  }

  bytes(bytes: Uint8Array): void {
    if (this.#used + bytes.length > BUFFER_BYTES) this.flush();
    if (bytes.length > BUFFER_BYTES) {
      this.#hand(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Hands on what is left; call it at the end. */
  flush(): void {
    const used = this.#used;
    this.#used = 0;
    if (used > 0) this.#hand(this.#buffer.subarray(0, used));
  }

  #hand(bytes: Uint8Array): void {
    if (!this.#stopped && !this.#sink.write(bytes)) this.#stopped = true;
  }
}
