/**
 * One connection of a server: requests come in, answers go out in their order. Requests that came
 * in one piece are answered in one write. The peer has so long for a request and so long for taking
 * an answer, and no more.
 */
import { isReelError, seconds, type Connection, type Runtime } from "ioreel";
import { RequestParser } from "./parser.ts";
import { refuse, respond, type Response } from "./respond.ts";
import type { Site } from "./site.ts";

/** From the first byte of a request to the last of its head. */
const REQUEST_NS_MAX = seconds(10);
/** Answers are gathered up to this size, and longer ones go out in pieces of it. */
const WRITE_BYTES_MAX = 1 << 16;
/** What is read and thrown away after the last answer, so that it is not lost with a reset. */
const LINGER_BYTES_MAX = 1 << 20;
const LINGER_NS_MAX = seconds(1);

/** Failures that are the peer's: the connection ends, the server goes on. */
const PEER_FAILURES = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT"]);

/** What a server has done. */
export interface Tally {
  connections: number;
  /** Answers by status. */
  readonly answers: Map<number, number>;
  /** Connections that ended by the peer's fault. */
  broken: number;
}

/** Serves one connection to its end and closes it. Never throws for what a peer does. */
export async function serveConnection(
  io: Runtime,
  connection: Connection,
  site: Site,
  tally: Tally,
): Promise<void> {
  tally.connections++;
  const exchange = new Exchange(io, connection, site, tally);
  try {
    await exchange.run();
  } catch (error) {
    if (!isReelError(error) || !PEER_FAILURES.has(error.code)) throw error;
    tally.broken++;
  } finally {
    await connection.close();
  }
}

class Exchange {
  readonly #io: Runtime;
  readonly #connection: Connection;
  readonly #site: Site;
  readonly #tally: Tally;
  readonly #parser = new RequestParser();
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;

  constructor(io: Runtime, connection: Connection, site: Site, tally: Tally) {
    this.#io = io;
    this.#connection = connection;
    this.#site = site;
    this.#tally = tally;
  }

  async run(): Promise<void> {
    let deadlineNs = 0;
    for (;;) {
      const chunk = await this.#receive(deadlineNs);
      if (chunk === undefined)
        return this.#leave({ status: 408, why: "the request took too long" });
      if (chunk.length === 0) return;
      this.#parser.feed(chunk);
      if (!(await this.#answerAll())) return;
      if (!this.#parser.midRequest) deadlineNs = 0;
      else if (deadlineNs === 0) deadlineNs = this.#io.now() + REQUEST_NS_MAX;
    }
  }

  /** @returns undefined when the time for the request is over */
  async #receive(deadlineNs: number): Promise<Uint8Array | undefined> {
    // Between two requests, the patience is what the listener was opened with.
    if (deadlineNs === 0) return this.#connection.read();
    const timeoutNs = deadlineNs - this.#io.now();
    if (timeoutNs <= 0) return undefined;
    try {
      return await this.#connection.read(undefined, { timeoutNs });
    } catch (error) {
      if (isReelError(error, "ETIMEDOUT")) return undefined;
      throw error;
    }
  }

  /** Answers what is complete. @returns whether the connection goes on */
  async #answerAll(): Promise<boolean> {
    for (let found = this.#parser.next(); found !== undefined; found = this.#parser.next()) {
      if ("status" in found) {
        await this.#leave(found);
        return false;
      }
      const response = respond(this.#site, found);
      await this.#send(response);
      if (!response.close) continue;
      await this.#flush();
      await this.#linger();
      return false;
    }
    await this.#flush();
    return true;
  }

  async #leave(refusal: { status: number; why: string }): Promise<void> {
    await this.#send(refuse(refusal));
    await this.#flush();
    await this.#linger();
  }

  async #send({ body, head, status }: Response): Promise<void> {
    this.#tally.answers.set(status, (this.#tally.answers.get(status) ?? 0) + 1);
    this.#gather(head);
    if (this.#gatheredBytes + body.length <= WRITE_BYTES_MAX) {
      this.#gather(body);
      return;
    }
    await this.#flush();
    for (let at = 0; at < body.length; at += WRITE_BYTES_MAX) {
      await this.#connection.write(body.subarray(at, at + WRITE_BYTES_MAX));
    }
  }

  #gather(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#gathered.push(bytes);
    this.#gatheredBytes += bytes.length;
  }

  async #flush(): Promise<void> {
    if (this.#gathered.length === 0) return;
    const pieces = this.#gathered;
    this.#gathered = [];
    this.#gatheredBytes = 0;
    await this.#connection.writev(pieces);
  }

  /**
   * Ends the connection so that the peer gets the last answer: closing it with bytes unread would
   * reset it, and what is on its way would be lost.
   */
  async #linger(): Promise<void> {
    await this.#connection.end();
    const untilNs = this.#io.now() + LINGER_NS_MAX;
    for (let left = LINGER_BYTES_MAX; left > 0;) {
      const timeoutNs = untilNs - this.#io.now();
      if (timeoutNs <= 0) return;
      const chunk = await this.#connection.read(undefined, { timeoutNs });
      if (chunk.length === 0) return;
      left -= chunk.length;
    }
  }
}
