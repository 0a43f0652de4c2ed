/** A client of RESP2, as small as can be: many commands in one write, replies as plain values. */
import { ReelError, type Connection } from "ioreel";

export type Reply = string | number | null | ReplyError | readonly Reply[];

/** An error that the server replied. */
export class ReplyError {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

const LF = 0x0a;

export class RedisClient {
  readonly #connection: Connection;
  #held: Buffer = Buffer.alloc(0);

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Sends commands, each a list of words, and waits for all replies. */
  async send(...commands: readonly (readonly string[])[]): Promise<Reply[]> {
    let text = "";
    for (const words of commands) {
      text += `*${words.length}\r\n`;
      for (const word of words) text += `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
    }
    await this.#connection.write(text);
    const replies: Reply[] = [];
    while (replies.length < commands.length) replies.push(await this.#reply());
    return replies;
  }

  async #reply(): Promise<Reply> {
    const line = await this.#line();
    const rest = line.slice(1);
    switch (line[0]) {
      case "+":
        return rest;
      case "-":
        return new ReplyError(rest);
      case ":":
        return Number(rest);
      case "$": {
        if (rest === "-1") return null;
        const bytes = await this.#bytes(Number(rest) + 2);
        return bytes.subarray(0, -2).toString();
      }
      case "*": {
        if (rest === "-1") return null;
        const items: Reply[] = [];
        while (items.length < Number(rest)) items.push(await this.#reply());
        return items;
      }
      default:
        throw new ReelError("EPROTO", `Cannot read a reply: it begins with ${line.slice(0, 20)}`);
    }
  }

  async #line(): Promise<string> {
    let end = this.#held.indexOf(LF);
    while (end === -1) {
      await this.#more();
      end = this.#held.indexOf(LF);
    }
    const line = this.#held.toString("latin1", 0, end - 1);
    this.#held = this.#held.subarray(end + 1);
    return line;
  }

  async #bytes(count: number): Promise<Buffer> {
    while (this.#held.length < count) await this.#more();
    const bytes = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return bytes;
  }

  async #more(): Promise<void> {
    const chunk = await this.#connection.read();
    if (chunk.length === 0) throw new ReelError("EPROTO", "Cannot read a reply: it ends in it");
    this.#held = Buffer.concat([this.#held, chunk]);
  }
}
