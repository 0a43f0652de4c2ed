/**
 * Reads HTTP/1.0 and HTTP/1.1 requests out of the bytes of a connection, in whatever pieces they
 * come. The peer is not trusted: every part of a head has a limit, what is doubtful is refused, and
 * what is refused ends the connection: so nobody disagrees about where the next request begins.
 *
 * References: [RFC 9112] HTTP/1.1; [RFC 9110] HTTP Semantics.
 */

/** Bytes of the request line; 414 beyond. [RFC 9112] §3 recommends at least 8000. */
export const REQUEST_LINE_BYTES_MAX = 8192;
/** Bytes of the request line and all header lines; 431 beyond. */
export const HEAD_BYTES_MAX = 16384;
export const HEADERS_MAX = 100;
/** A request's content is read past and thrown away, up to this size; 413 beyond. */
export const CONTENT_BYTES_MAX = 1 << 20;

/** What was asked for. */
export interface Request {
  readonly method: string;
  /** As it was sent: a path with its query, or a whole URL. */
  readonly target: string;
  /** By lower-case name; several of one name are joined with commas. */
  readonly headers: ReadonlyMap<string, string>;
  /** The minor version: of HTTP/1.0 or HTTP/1.1. */
  readonly minor: 0 | 1;
  /** Whether the connection may be used for another request. */
  readonly keepAlive: boolean;
}

/** A request that is not carried out. The connection ends with the answer. */
export interface Refusal {
  readonly status: number;
  /** For the peer: one line. */
  readonly why: string;
}

const NOTHING = Buffer.alloc(0);
const CRLF = Buffer.from("\r\n");
const END_OF_HEAD = Buffer.from("\r\n\r\n");
const CR = 0x0d;
const LF = 0x0a;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
/** Visible characters, blanks, and bytes beyond ASCII; no control characters. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

export class RequestParser {
  #held: Buffer = NOTHING;
  /** No head ends before this offset. */
  #scanned = 0;
  /** Content of the last request that is still to be read past. */
  #contentLeft = 0;
  #over = false;

  /** Whether a request has begun and is not complete. */
  get midRequest(): boolean {
    return this.#held.length > 0 || this.#contentLeft > 0;
  }

  /** Takes what came. Call {@link next} until it has nothing more, then feed again. */
  feed(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
  }

  /** The next request, or why there is none; undefined when more bytes are needed. */
  next(): Request | Refusal | undefined {
    if (this.#over) return undefined;
    this.#skipContent();
    this.#skipEmptyLines();
    const end = this.#held.indexOf(END_OF_HEAD, this.#scanned);
    const refused = this.#checkSizes(end);
    if (refused !== undefined) return this.#refuse(refused);
    if (end === -1) {
      this.#scanned = Math.max(0, this.#held.length - END_OF_HEAD.length + 1);
      return undefined;
    }
    const head = this.#held.toString("latin1", 0, end);
    this.#held = this.#held.subarray(end + END_OF_HEAD.length);
    this.#scanned = 0;
    const read = readHead(head);
    if ("status" in read) return this.#refuse(read);
    this.#contentLeft = read.contentBytes;
    return read.request;
  }

  #refuse(refusal: Refusal): Refusal {
    this.#over = true;
    this.#held = NOTHING;
    return refusal;
  }

  #skipContent(): void {
    const count = Math.min(this.#contentLeft, this.#held.length);
    this.#held = this.#held.subarray(count);
    this.#contentLeft -= count;
  }

  /** Some clients send a line end behind a request's content: [RFC 9112] §2.2. */
  #skipEmptyLines(): void {
    let at = 0;
    while (this.#held[at] === CR && this.#held[at + 1] === LF) at += CRLF.length;
    if (at === 0) return;
    this.#held = this.#held.subarray(at);
    this.#scanned = 0;
  }

  /** @param end where the head ends, or -1: then its end may have come in part */
  #checkSizes(end: number): Refusal | undefined {
    const lineEnd = REQUEST_LINE_BYTES_MAX + CRLF.length;
    if (this.#held.length >= lineEnd && !this.#held.subarray(0, lineEnd).includes(CRLF)) {
      return { status: 414, why: "the request line is too long" };
    }
    const length = end === -1 ? this.#held.length - END_OF_HEAD.length + 1 : end;
    if (length > HEAD_BYTES_MAX) return { status: 431, why: "the header lines are too long" };
    return undefined;
  }
}

interface Head {
  readonly request: Request;
  readonly contentBytes: number;
}

function readHead(head: string): Head | Refusal {
  const [first = "", ...lines] = head.split("\r\n");
  const match = REQUEST_LINE.exec(first);
  if (match === null) return { status: 400, why: "the request line is not one of HTTP" };
  const [, method, target, major, minor] = match;
  if (major !== "1" || (minor !== "0" && minor !== "1")) {
    return { status: 505, why: `HTTP/${major}.${minor} is not spoken here` };
  }
  if (lines.length > HEADERS_MAX) return { status: 431, why: "there are too many header lines" };
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, "");
    // A blank before the colon or at the line's beginning is no token, and refused with it.
    if (!TOKEN.test(name) || !FIELD_VALUE.test(value)) {
      return { status: 400, why: "a header line is malformed" };
    }
    const before = headers.get(name);
    if (before !== undefined && name === "host") return { status: 400, why: "two hosts are named" };
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  if (minor === "1" && !headers.has("host")) return { status: 400, why: "no host is named" };
  const contentBytes = contentLengthOf(headers);
  if (typeof contentBytes !== "number") return contentBytes;
  const keepAlive = keepsAlive(headers.get("connection"), minor);
  const request: Request = {
    method: method!,
    target: target!,
    headers,
    minor: minor === "0" ? 0 : 1,
    keepAlive,
  };
  return { request, contentBytes };
}

/** How much content follows the head, or why nobody can say: [RFC 9112] §6.3. */
function contentLengthOf(headers: ReadonlyMap<string, string>): number | Refusal {
  const length = headers.get("content-length");
  if (headers.has("transfer-encoding")) {
    if (length !== undefined) return { status: 400, why: "the content has two lengths" };
    return { status: 411, why: "content is taken with a Content-Length only" };
  }
  if (length === undefined) return 0;
  if (!/^\d{1,15}$/.test(length)) return { status: 400, why: "the Content-Length is no number" };
  const bytes = Number(length);
  if (bytes > CONTENT_BYTES_MAX) return { status: 413, why: "the content is too large" };
  return bytes;
}

/** HTTP/1.1 keeps the connection unless told otherwise, HTTP/1.0 only when it is asked to. */
function keepsAlive(connection: string | undefined, minor: string): boolean {
  if (connection === undefined) return minor === "1";
  const words = connection.toLowerCase().split(/[\t ]*,[\t ]*/);
  return !words.includes("close") && (minor === "1" || words.includes("keep-alive"));
}
