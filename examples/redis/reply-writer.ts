/** Replies, gathered so that those of many commands go out in one write. */

const FIRST_BYTES = 16 << 10;
/** Memory that a burst of replies took is given back beyond this. */
const KEPT_BYTES_MAX = 256 << 10;

export class ReplyWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  get sizeBytes(): number {
    return this.#length;
  }

  /** What was written; valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = Buffer.allocUnsafe(FIRST_BYTES);
  }

  /** A status such as OK. */
  status(text: string): void {
    this.#line("+", text);
  }

  /** @param text begins with its kind: "ERR syntax error" */
  error(text: string): void {
    // An error is one line, whatever of the command is repeated in it.
    this.#line("-", text.replaceAll(/[\r\n]/g, " "));
  }

  integer(value: number | bigint): void {
    this.#line(":", String(value));
  }

  bulk(value: Uint8Array | string): void {
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    this.#line("$", String(bytes.length));
    this.#reserve(bytes.length + 2);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#length += this.#bytes.write("\r\n", this.#length, "latin1");
  }

  /** Nothing, where a string could be. */
  nil(): void {
    this.#line("$", "-1");
  }

  /** So many replies follow and belong together. */
  array(count: number): void {
    this.#line("*", String(count));
  }

  /** Nothing, where an array could be. */
  nilArray(): void {
    this.#line("*", "-1");
  }

  #line(type: string, text: string): void {
    this.#reserve(text.length + 3);
    this.#length += this.#bytes.write(`${type}${text}\r\n`, this.#length, "latin1");
  }

  #reserve(sizeBytes: number): void {
    if (this.#length + sizeBytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + sizeBytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
