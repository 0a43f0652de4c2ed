/** A subject's process, seen from outside: one request a line, one answer a line. */
import type { Subprocess } from "bun";
import { hostAfter } from "../core/clock.ts";
import type { Answer } from "./subject.ts";

/** A subject that is silent for so long is stuck: no sample takes a tenth of that. */
const PATIENCE_MS = 120_000;

/** What subjects answer; other programs answer in their own ways. */
type Plain = Exclude<Answer, { error: string }>;

export class LineProcess {
  readonly #name: string;
  readonly #child: Subprocess<"pipe", "pipe", "inherit">;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  /** @param name for error messages */
  constructor(name: string, command: string[]) {
    this.#name = name;
    this.#child = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#chunks = this.#child.stdout[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid;
  }

  /**
   * The next answer.
   * @throws {Error} with the subject's own error and stack, if it failed, or its exit code, or when
   *   it is silent for two minutes; it is ended then
   */
  async answer<T extends object = Plain>(): Promise<T> {
    let end = this.#text.indexOf("\n");
    while (end === -1) {
      const { done, value } = await this.#patiently(this.#chunks.next(), "answer");
      if (done === true) {
        throw new Error(`Cannot measure ${this.#name}: it ended with ${await this.#child.exited}`);
      }
      this.#text += this.#decoder.decode(value, { stream: true });
      end = this.#text.indexOf("\n");
    }
    const answer = JSON.parse(this.#text.slice(0, end)) as T | { error: string };
    this.#text = this.#text.slice(end + 1);
    if ("error" in answer) throw new Error(`Cannot measure ${this.#name}: ${answer.error}`);
    return answer;
  }

  /** Sends a request. @returns its answer */
  async ask<T extends object = Plain>(request: string): Promise<T> {
    this.#child.stdin.write(`${request}\n`);
    await this.#patiently(this.#child.stdin.flush(), "take a request");
    return this.answer<T>();
  }

  /** Ends the process in good order. @throws {Error} when it ends in bad order */
  async close(): Promise<void> {
    await this.#patiently(this.#child.stdin.end(), "take the end of its input");
    const code = await this.#patiently(this.#child.exited, "end");
    if (code !== 0) throw new Error(`Cannot end ${this.#name}: it ended with ${code}`);
  }

  /** Ends the process in any order: after an error. */
  kill(): void {
    this.#child.kill();
  }

  async #patiently<T>(promise: T | Promise<T>, action: string): Promise<T> {
    const stuck = Promise.withResolvers<never>();
    const withdraw = hostAfter(PATIENCE_MS, () => {
      this.kill();
      const seconds = PATIENCE_MS / 1000;
      stuck.reject(new Error(`Cannot measure ${this.#name}: it did not ${action} in ${seconds} s`));
    });
    try {
      return await Promise.race([promise, stuck.promise]);
    } finally {
      withdraw();
    }
  }
}
