/**
 * Reads commands out of the bytes of a connection, in whatever pieces they come: arrays of bulk
 * strings, or lines as a person types them. The peer is not trusted: every length has a limit, and
 * memory is taken for what has come, not for what is announced. Texts of errors are Redis's own.
 *
 * References: [RESP] Redis serialization protocol specification.
 */
import { splitInline } from "./inline.ts";

/** Redis takes 512 MiB; an example that keeps everything in memory takes less. */
export const BULK_BYTES_MAX = 8 << 20;
/** All arguments of one command together. */
export const COMMAND_BYTES_MAX = 32 << 20;
export const ARGUMENTS_MAX = 1 << 20;
/** A line: a typed command, or a length. */
export const LINE_BYTES_MAX = 64 << 10;

const NOTHING = Buffer.alloc(0);
const LF = 0x0a;
const CR = 0x0d;
const ASTERISK = 0x2a;
const DOLLAR = 0x24;

/** Why the connection ends, as the text of an error reply. */
export class ProtocolError {
  readonly message: string;

  constructor(why: string) {
    this.message = `ERR Protocol error: ${why}`;
  }
}

export type Command = readonly Buffer[];

export class RequestReader {
  #held: Buffer = NOTHING;
  /** There is no line end before this offset. */
  #scanned = 0;
  /** Arguments of the command that is being read, and how many are still to come. */
  #words: Buffer[] = [];
  #wordsLeft = 0;
  #commandBytes = 0;
  /** The bulk string that is being read: its length, or -1, and its pieces so far. */
  #bulkBytes = -1;
  #pieces: Buffer[] = [];
  #piecesBytes = 0;
  #over = false;

  /** Takes what came. Call {@link next} until it has nothing more, then feed again. */
  feed(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
  }

  /** The next command, or why there is none; undefined when more bytes are needed. */
  next(): Command | ProtocolError | undefined {
    while (!this.#over) {
      const found = this.#wordsLeft > 0 ? this.#nextWord() : this.#begin();
      if (found === "more") return undefined;
      if (found instanceof ProtocolError) {
        this.#over = true;
        this.#held = NOTHING;
        this.#words = [];
      }
      if (found !== "again") return found;
    }
    return undefined;
  }

  #begin(): Command | ProtocolError | "again" | "more" {
    const first = this.#held[0];
    const line = this.#line(
      first === ASTERISK ? "too big mbulk count string" : "too big inline request",
    );
    if (line === undefined) return "more";
    if (line instanceof ProtocolError) return line;
    if (first !== ASTERISK) {
      const words = splitInline(line);
      if (words === undefined) return new ProtocolError("unbalanced quotes in request");
      return words.length === 0 ? "again" : words;
    }
    const count = lengthOf(line);
    if (count === undefined || count > ARGUMENTS_MAX) {
      return new ProtocolError("invalid multibulk length");
    }
    this.#words = [];
    this.#commandBytes = 0;
    this.#wordsLeft = Math.max(0, count);
    return "again";
  }

  #nextWord(): Command | ProtocolError | "again" | "more" {
    if (this.#bulkBytes === -1) {
      const refused = this.#beginBulk();
      if (refused !== undefined) return refused;
    }
    // Two more bytes than its length: those of the line end.
    const wanted = this.#bulkBytes + 2 - this.#piecesBytes;
    const piece = this.#held.subarray(0, wanted);
    this.#held = this.#held.subarray(piece.length);
    if (piece.length < wanted || this.#pieces.length > 0) {
      this.#pieces.push(piece);
      this.#piecesBytes += piece.length;
    }
    if (piece.length < wanted) return "more";
    const whole = this.#pieces.length === 0 ? piece : Buffer.concat(this.#pieces);
    this.#words.push(whole.subarray(0, this.#bulkBytes));
    this.#bulkBytes = -1;
    this.#pieces = [];
    this.#piecesBytes = 0;
    if (--this.#wordsLeft > 0) return "again";
    const words = this.#words;
    this.#words = [];
    return words;
  }

  #beginBulk(): ProtocolError | "more" | undefined {
    const first = this.#held[0];
    const line = this.#line("too big bulk count string");
    if (line === undefined) return "more";
    if (line instanceof ProtocolError) return line;
    if (first !== DOLLAR) {
      const shown = first === undefined ? "" : String.fromCharCode(first);
      return new ProtocolError(`expected '$', got '${/[\x20-\x7e]/.test(shown) ? shown : " "}'`);
    }
    const length = lengthOf(line);
    this.#commandBytes += length ?? 0;
    if (length === undefined || length < 0 || length > BULK_BYTES_MAX) {
      return new ProtocolError("invalid bulk length");
    }
    if (this.#commandBytes > COMMAND_BYTES_MAX) return new ProtocolError("the command is too long");
    this.#bulkBytes = length;
    return undefined;
  }

  /** Takes a line off, without its end. */
  #line(tooLong: string): Buffer | ProtocolError | undefined {
    const end = this.#held.indexOf(LF, this.#scanned);
    const length = end === -1 ? this.#held.length : end;
    if (length > LINE_BYTES_MAX) return new ProtocolError(tooLong);
    if (end === -1) {
      this.#scanned = this.#held.length;
      return undefined;
    }
    const line = this.#held.subarray(0, this.#held[end - 1] === CR ? end - 1 : end);
    this.#held = this.#held.subarray(end + 1);
    this.#scanned = 0;
    return line;
  }
}

/** The number behind the first character of a line. */
function lengthOf(line: Buffer): number | undefined {
  const text = line.toString("latin1", 1, Math.min(line.length, 20));
  return line.length < 20 && /^-?\d{1,10}$/.test(text) ? Number(text) : undefined;
}
