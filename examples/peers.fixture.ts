/**
 * What tests of the examples share: programs and real tools as processes of their own, each of
 * which is ended with the test that started it.
 */
import { afterAll, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whyUnavailable } from "../core/testing/harness.ts";

const ROOT = join(import.meta.dir, "..");
/** Servers are where the path of people who are no administrators does not lead. */
const PATH = `${process.env["PATH"] ?? ""}:/usr/sbin`;
const environment = { ...process.env, PATH };

/** A new folder, deleted after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-example-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const missingRing = await whyUnavailable("uring");

/** Declares a test that needs io_uring and these programs; without them it is skipped, loudly. */
export function testWith(
  tools: readonly string[],
  title: string,
  body: () => Promise<void>,
  timeoutMs?: number,
): void {
  const lacking = tools.filter((tool) => Bun.which(tool, { PATH }) === null);
  const why = missingRing ?? (lacking.length > 0 ? `needs ${lacking.join(", ")}` : undefined);
  if (why !== undefined) console.warn(`SKIPPED ${title}: ${why}`);
  test.skipIf(why !== undefined)(title, body, timeoutMs);
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end. */
export async function run(words: readonly string[], input = ""): Promise<Ended> {
  const child = Bun.spawn([...words], {
    cwd: ROOT,
    env: environment,
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code: await child.exited, out, err };
}

/** Bun's own words for running a program of the examples. */
export const program = (...words: string[]): string[] => [process.execPath, ...words];

/** A program that serves until it is told to end. */
export class Server implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "inherit">;
  /** What the line said that it was waited for. */
  readonly ready: RegExpExecArray;
  readonly #rest: Promise<string>;

  private constructor(
    child: Bun.Subprocess<"ignore", "pipe", "inherit">,
    ready: RegExpExecArray,
    rest: Promise<string>,
  ) {
    this.#child = child;
    this.ready = ready;
    this.#rest = rest;
  }

  /** Starts a program and waits for what it says when it is ready. */
  static async start(words: readonly string[], says: RegExp): Promise<Server> {
    const child = Bun.spawn([...words], {
      cwd: ROOT,
      env: environment,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error(`${words.join(" ")} ended before it was ready:\n${said}`);
      said += value;
      const ready = says.exec(said);
      if (ready !== null) return new Server(child, ready, restOf(reader));
    }
  }

  /** Asks it to end, as Ctrl-C does. @returns what it has said since it was ready */
  async stop(): Promise<{ code: number; out: string }> {
    this.#child.kill("SIGINT");
    const out = await this.#rest;
    return { code: await this.#child.exited, out };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

async function restOf(reader: {
  read(): Promise<{ value?: string | undefined }>;
}): Promise<string> {
  let text = "";
  for (;;) {
    const { value } = await reader.read();
    if (value === undefined) return text;
    text += value;
  }
}

/** Sends bytes as they are and reads what comes, to the end. */
export async function exchange(
  port: number,
  pieces: readonly (string | Uint8Array)[],
  { halfClose = true }: { halfClose?: boolean } = {},
): Promise<string> {
  const received: Buffer[] = [];
  const ended = Promise.withResolvers<void>();
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    // Reading goes on after `end`, as with any peer that half-closes.
    allowHalfOpen: true,
    socket: {
      data: (_socket, bytes) => void received.push(Buffer.from(bytes)),
      end: () => ended.resolve(),
      close: () => ended.resolve(),
      error: () => ended.resolve(),
    },
  });
  for (const piece of pieces) {
    const bytes = Buffer.from(piece as string, "latin1");
    for (let at = 0; at < bytes.length;) {
      const written = socket.write(bytes.subarray(at));
      // Who has hung up takes no more.
      if (written < 0) break;
      at += written;
      socket.flush();
      // One piece at a time, so that they come as they were cut.
      await Bun.sleep(1);
    }
  }
  if (halfClose) socket.shutdown();
  await ended.promise;
  socket.end();
  return Buffer.concat(received).toString("latin1");
}

/** A port that nobody listens on at this moment. */
export function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
