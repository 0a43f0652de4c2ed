/**
 * A client of HTTP/1.1, as small as can be: one request after the other on one connection, answers
 * with a Content-Length, in chunks, or to the end of the connection.
 *
 * References: [RFC 9112] HTTP/1.1.
 */
import { ReelError, type Connection } from "ioreel";

const LINE_BYTES_MAX = 16384;
const HEADERS_MAX = 200;
const LF = 0x0a;

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  /** The content as it came, with the chunks put together. */
  readonly body: Uint8Array;
  /** Whether the connection may be used again. */
  readonly keepAlive: boolean;
}

export class HttpClient {
  readonly #connection: Connection;
  readonly #host: string;
  /** What came and was not used yet. */
  #held: Buffer = Buffer.alloc(0);

  /** @param host what to send as the Host */
  constructor(connection: Connection, host: string) {
    this.#connection = connection;
    this.#host = host;
  }

  /**
   * Asks for a path and reads all of the answer.
   * @param fields further header lines
   * @throws {ReelError} EPROTO for what is no answer of HTTP/1.1; those of the connection
   */
  async get(path: string, fields: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const lines = Object.entries({ Host: this.#host, ...fields });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await this.#connection.write(`GET ${path} HTTP/1.1\r\n${head}\r\n`);
    return this.#readAnswer();
  }

  async #readAnswer(): Promise<Answer> {
    const first = await this.#line();
    const match = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first);
    if (match === null) throw notHttp(`its first line is ${JSON.stringify(first)}`);
    const status = Number(match[1]);
    const headers = await this.#fields();
    const keepAlive = !(headers.get("connection") ?? "").toLowerCase().includes("close");
    if (status === 204 || status === 304)
      return { status, headers, body: Buffer.alloc(0), keepAlive };
    const length = headers.get("content-length");
    if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") {
      return { status, headers, body: await this.#chunks(), keepAlive };
    }
    if (length === undefined) {
      return { status, headers, body: await this.#rest(), keepAlive: false };
    }
    return { status, headers, body: await this.#bytes(Number(length)), keepAlive };
  }

  async #fields(): Promise<Map<string, string>> {
    const headers = new Map<string, string>();
    for (let count = 0; count <= HEADERS_MAX; count++) {
      const line = await this.#line();
      if (line === "") return headers;
      const colon = line.indexOf(":");
      headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
    }
    throw notHttp(`it has more than ${HEADERS_MAX} header lines`);
  }

  /** [RFC 9112] §7.1. */
  async #chunks(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (;;) {
      const line = await this.#line();
      const size = Number.parseInt(line, 16);
      if (!/^[0-9a-f]{1,8}(?:[\t ]*;.*)?$/i.test(line))
        throw notHttp(`a chunk begins with ${line}`);
      if (size === 0) break;
      pieces.push(await this.#bytes(size));
      if ((await this.#line()) !== "") throw notHttp("a chunk is longer than it says");
    }
    await this.#fields();
    return Buffer.concat(pieces);
  }

  async #line(): Promise<string> {
    for (let from = 0; ;) {
      const end = this.#held.indexOf(LF, from);
      if (end !== -1) {
        const line = this.#held.toString("latin1", 0, end).replace(/\r$/, "");
        this.#held = this.#held.subarray(end + 1);
        return line;
      }
      from = this.#held.length;
      if (from > LINE_BYTES_MAX) throw notHttp(`a line has more than ${LINE_BYTES_MAX} bytes`);
      if (!(await this.#more())) throw notHttp("it ends in the middle of a line");
    }
  }

  async #bytes(count: number): Promise<Uint8Array> {
    const pieces: Buffer[] = [];
    for (let left = count; left > 0;) {
      if (this.#held.length === 0 && !(await this.#more()))
        throw notHttp(`${left} bytes are missing`);
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      pieces.push(piece);
      left -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  async #rest(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [this.#held];
    this.#held = Buffer.alloc(0);
    for await (const chunk of this.#connection) pieces.push(chunk);
    return Buffer.concat(pieces);
  }

  async #more(): Promise<boolean> {
    const chunk = await this.#connection.read();
    this.#held = Buffer.concat([this.#held, chunk]);
    return chunk.length > 0;
  }
}

function notHttp(why: string): ReelError {
  return new ReelError("EPROTO", `Cannot read the answer: ${why}, wanted one of HTTP/1.1`);
}
