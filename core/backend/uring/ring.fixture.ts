/**
 * What the tests of the io_uring backend share: a sink that writes down, backends that are closed
 * again, both kinds of ring memory, and a loud skip where the host has no io_uring.
 */
import { afterEach, test } from "bun:test";
import { readFileSync, readdirSync, readlinkSync } from "node:fs";

import type { Sink } from "../contract.ts";
import { O_CLOEXEC } from "./abi.ts";
import { libc } from "./libc.ts";
import { openThreadedRing } from "./completion-thread-open.ts";
import { closeRing, openRing } from "./open-ring.ts";
import { settle } from "./options.ts";
import type { RingMemoryKind, UringOptions } from "./options.ts";
import { UringBackend } from "./uring-backend.ts";

/** Writes down every call, and lets a test act from inside one. */
export class RecordingSink implements Sink {
  readonly calls: string[] = [];
  readonly results: { slot: number; generation: number; result: number; flags: number }[] = [];
  onComplete: (slot: number, result: number) => void = () => {};

  turn(nowNs: number): void {
    this.calls.push(nowNs >= 0 ? "turn" : `turn ${nowNs}`);
  }

  complete(slot: number, generation: number, result: number, flags: number): void {
    this.calls.push(`complete ${slot}.${generation} ${result}`);
    this.results.push({ slot, generation, result, flags });
    this.onComplete(slot, result);
  }

  interrupt(line: number): void {
    this.calls.push(`interrupt ${line}`);
  }

  expire(): void {
    this.calls.push("expire");
  }

  input(kind: number, value: number): void {
    this.calls.push(`input ${kind} ${value}`);
  }

  /** What was called since the last time. */
  take(): string[] {
    this.results.length = 0;
    return this.calls.splice(0);
  }

  /** The completions since the last time, in the order of their slots. */
  takeSorted(): string[] {
    return this.take()
      .filter((call) => call.startsWith("complete"))
      .sort((a, b) => Number.parseInt(a.slice(9), 10) - Number.parseInt(b.slice(9), 10));
  }
}

const found = openRing(settle({}), { now: () => 0 });
/** Why the tests that need a ring cannot run here; undefined where they can. */
export const ringMissing = "obstacle" in found ? found.obstacle.found : undefined;
if ("obstacle" in found) console.warn(`SKIPPED: the io_uring tests: found ${ringMissing}`);
else closeRing(found.ring, found.core);

/** A test that needs a ring. */
export const ringTest = test.skipIf(ringMissing !== undefined);

const threaded = ringMissing === undefined && openThreadedRing(settle({}), { now: () => 0 });
/** Why the tests that need a completion thread cannot run here; undefined where they can. */
export const threadMissing =
  threaded === false
    ? ringMissing
    : "obstacle" in threaded
      ? threaded.obstacle.found
      : threaded.close();
if (threadMissing !== undefined) {
  console.warn(`SKIPPED: the completion thread's tests: found ${threadMissing}`);
}

const open = new Set<UringBackend>();

/** Who enters the kernel for the backends of the test that is going on. */
let completions: "loop" | "thread" = "loop";

/** Opens a backend that is closed after the test. */
export function openBlocking(options: UringOptions = {}): UringBackend {
  const backend = UringBackend.openBlocking({ completions, ...options });
  open.add(backend);
  return backend;
}

/** Opens a backend with a tested wake-up that is closed after the test. */
export async function openLooping(options: UringOptions = {}): Promise<UringBackend> {
  const backend = await UringBackend.open({ completions, ...options });
  open.add(backend);
  return backend;
}

/** Closes what a test has opened, and waits until its threads are gone. */
async function closeAll(): Promise<void> {
  const threads = [...open].flatMap((backend) => backend.working.thread ?? []);
  const exits = threads.map(({ exited }) => exited);
  for (const backend of open) backend.close();
  open.clear();
  await Promise.all(exits);
}

afterEach(closeAll);

/** A test that runs on a ring in shared memory and on a mapped one. */
export function loopTest(
  title: string,
  body: (memory: RingMemoryKind) => void | Promise<void>,
): void {
  for (const memory of ["shared", "mapped"] as const) {
    ringTest(`${title} (${memory} ring)`, () => body(memory));
  }
}

/**
 * As {@link loopTest}, and on a ring that a completion thread enters the kernel for. There, what is
 * handed over reaches the kernel a moment later.
 */
export function memoryTest(
  title: string,
  body: (memory: RingMemoryKind) => void | Promise<void>,
): void {
  loopTest(title, body);
  threadTest(`${title} (completion thread)`, () => body("shared"));
}

/** A test whose backends have a completion thread. */
export function threadTest(title: string, body: () => void | Promise<void>): void {
  ringTest.skipIf(threadMissing !== undefined)(title, async () => {
    completions = "thread";
    try {
      await body();
    } finally {
      completions = "loop";
      await closeAll();
    }
  });
}

/** Memory that requests may name, with its address. */
export function pinned(
  backend: UringBackend,
  sizeBytes: number,
): { bytes: Uint8Array; address: number } {
  const bytes = new Uint8Array(new SharedArrayBuffer(sizeBytes));
  return { bytes, address: backend.pinMemory(bytes) };
}

/** Polls with wait until so many events were delivered, or nothing can come any more. */
export function pollFor(backend: UringBackend, sink: Sink, events: number): void {
  for (let seen = 0; seen < events && backend.pending();) seen += backend.poll(sink, true);
}

/** Polls with wait until nothing is pending. */
export function pollOut(backend: UringBackend, sink: Sink): void {
  while (backend.pending()) backend.poll(sink, true);
}

/** Resolves at the backend's next wake-up. */
export function woken(backend: UringBackend): Promise<void> {
  return new Promise((resolve) => backend.armWake(resolve));
}

/** Writes through a ring file without the ring. */
export function writeNow(backend: UringBackend, file: number, bytes: Uint8Array): number {
  return libc().write(backend.ring.files.fdOf(file), bytes, bytes.length);
}

/** What every open descriptor of this process is. */
export function openDescriptors(): string[] {
  const links: string[] = [];
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      links.push(`${fd} ${readlinkSync(`/proc/self/fd/${fd}`)}`);
    } catch {
      // The descriptor of the listing itself is gone again.
    }
  }
  return links;
}

/** Whether a descriptor is closed when another program takes the process over. */
export function closesOnExec(fd: number): boolean {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, "utf8");
  const flags = Number.parseInt(/^flags:\s+(\d+)/m.exec(info)![1]!, 8);
  return (flags & O_CLOEXEC) !== 0;
}
