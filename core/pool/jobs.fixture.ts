/** Functions that the tests of the pool run in its threads. */
import { threadId } from "node:worker_threads";

import { hostAfter, ms } from "../clock.ts";
import { ReelError } from "../errors.ts";
import type { Runtime } from "../../index.ts";

export const JOBS = new URL(import.meta.url);

/** Words of the memory that tests and jobs share. */
export const SHARED = { INSIDE: 0, MOST: 1, ARRIVED: 2, PORT: 3, COUNT: 16 } as const;

export function sharedWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(SHARED.COUNT * 4));
}

/** Spins until so many threads are inside a turn at once, and notes the most that ever were. */
function meet(words: Int32Array, threads: number): void {
  const inside = Atomics.add(words, SHARED.INSIDE, 1) + 1;
  if (inside > Atomics.load(words, SHARED.MOST)) Atomics.store(words, SHARED.MOST, inside);
  Atomics.add(words, SHARED.ARRIVED, 1);
  while (Atomics.load(words, SHARED.ARRIVED) < threads);
  Atomics.sub(words, SHARED.INSIDE, 1);
}

/** Several turns, each as long as it takes all threads to have one at the same time. */
export async function overlap(
  io: Runtime,
  words: Int32Array,
  threads: number,
  turns: number,
): Promise<number[]> {
  const seen = new Set<number>();
  for (let turn = 0; turn < turns; turn++) {
    meet(words, threads);
    seen.add(threadId);
    if (turn % 2 === 0) await io.yieldNow();
    else await io.sleep(ms(1));
  }
  return [...seen];
}

export function add(_io: Runtime, a: number, b: number): number {
  return a + b;
}

/** Draws from the thread's seed, with a wait in between. */
export async function draw(io: Runtime, count: number): Promise<number[]> {
  const drawn: number[] = [];
  for (let i = 0; i < count; i++) {
    drawn.push(io.random.below(1000));
    await io.sleep(ms(1) + io.random.below(1000));
  }
  return [...drawn, io.now()];
}

/** A pipe of the thread's own runtime. */
export async function throughPipe(io: Runtime, bytes: Uint8Array): Promise<Uint8Array> {
  const { reader, writer } = await io.open("pipe", { capacityBytes: 4096 });
  const writing = io.spawn(async () => {
    await writer.write(bytes);
    await writer.close();
  });
  const parts: Uint8Array[] = [];
  for (let part = await reader.read(1000); part.length > 0; part = await reader.read(1000)) {
    parts.push(part);
  }
  await writing.join();
  await reader.close();
  return Uint8Array.from(Buffer.concat(parts));
}

/** Counts itself in, waits for ever, and counts itself out when it is cancelled. */
export async function waitForEver(io: Runtime, words: Int32Array): Promise<void> {
  const { reader } = await io.open("pipe");
  Atomics.add(words, SHARED.INSIDE, 1);
  Atomics.notify(words, SHARED.INSIDE);
  try {
    // Nobody writes; and where time is virtual, a long sleep would be over at once.
    await reader.read(1);
  } finally {
    await io.sleep(ms(1));
    Atomics.sub(words, SHARED.INSIDE, 1);
  }
}

export function fail(_io: Runtime, kind: "reel" | "range" | "text" | "many"): never {
  if (kind === "reel") {
    throw new ReelError("EPIPE", "Cannot write: nobody reads", {
      mend: "Read",
      details: { bytes: 5 },
      cause: new TypeError("the cause"),
    });
  }
  if (kind === "many") throw new AggregateError([new RangeError("one")], "several");
  // oxlint-disable-next-line no-throw-literal
  if (kind === "text") throw "no error at all";
  throw Object.assign(new RangeError("out of range"), { code: "EFAR" });
}

export function uncloneable(): () => void {
  return () => {};
}

/** Leaves a failed task behind that nobody joins. */
export function leaveFailure(io: Runtime): void {
  io.spawn(() => {
    throw new SyntaxError("nobody joined me");
  });
}

export function exit(_io: Runtime, code: number): void {
  process.exit(code);
}

/** Throws where nobody can catch it. */
export async function throwOutside(io: Runtime): Promise<void> {
  hostAfter(1, () => {
    throw new TypeError("thrown in a timer");
  });
  await io.sleep(ms(1e9));
}

export function spin(_io: Runtime, words: Int32Array): void {
  Atomics.store(words, SHARED.ARRIVED, 1);
  Atomics.notify(words, SHARED.ARRIVED);
  for (;;);
}

export function whereAmI(io: Runtime): { threadId: number; backend: string; seed: number } {
  return { threadId, backend: io.backend, seed: io.seed };
}

export const notAFunction = 5;

/** A timer that is never done, so that virtual time never stands still. */
export async function tickForEver(io: Runtime): Promise<void> {
  for (;;) await io.sleep(ms(1));
}

export function hostTimer(io: Runtime): Promise<string> {
  return io.adopt(new Promise((resolve) => hostAfter(1, () => resolve("fired"))));
}

/** Tells whoever says something which thread it talks to. */
export async function serveName(io: Runtime, words: Int32Array, thread: number): Promise<void> {
  await using listener = await io.listen({ port: words[SHARED.PORT]!, reusePort: true });
  words[SHARED.PORT] = listener.port;
  Atomics.add(words, SHARED.ARRIVED, 1);
  Atomics.notify(words, SHARED.ARRIVED);
  for await (const connection of listener) {
    await connection.read();
    await connection.end(`thread ${thread}`);
    await connection.close();
  }
}
