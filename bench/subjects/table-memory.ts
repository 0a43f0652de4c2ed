/**
 * Memory that a runtime with the largest table takes while every slot is in use: growth of the
 * process's resident memory, from before the runtime is started until an operation waits in each
 * slot, with a frame that fills its stack page. One sample a process. Argument: the backend.
 */
import {
  NO_OPTIONS,
  bytes,
  defineProvider,
  layer,
  struct,
  type Driver,
  type DriverContext,
} from "../../core/provider/index.ts";
import { SLOTS_MAX } from "../../core/descriptor/table.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { emptyRequest } from "../../core/runtime/wiring.ts";
import type { Subject } from "../subject.ts";

const BYTES_PER_MIB = 1 << 20;
const SLOTS_BEFORE = 1024;

/** A frame that fills its slot's stack page, so that every byte of the table is in use. */
const FRAME_BYTES = 1000;

/** Operations that wait until they are cancelled. */
function waiting(cx: DriverContext): Driver {
  const queue = cx.queue();
  const wait = layer({
    name: "waiting.wait",
    frame: struct({ filling: bytes(FRAME_BYTES) }),
    wait: (_frame, run) => run.queue(queue),
    complete: (_frame, run) => run.done(0),
  });
  return { operations: { wait }, open() {}, release() {} };
}

const provider = defineProvider({
  kind: "waiting",
  version: "1.0.0",
  stateVersion: 1,
  summary: "Operations that wait for ever",
  options: NO_OPTIONS,
  operations: { wait: { direction: "none", summary: "Waits until it is cancelled" } },
  ends: { main: { operations: ["wait"] } },
  capabilities: { shortTransfers: false, cancel: true, restore: [] },
  uring: waiting,
  emulated: waiting,
});

function residentBytes(): number {
  Bun.gc(true);
  return process.memoryUsage.rss();
}

/** Starts a runtime and fills its table. @returns the runtime */
async function startFilled(backend: "uring" | "emulated", slots: number): Promise<AsyncDisposable> {
  const limits = { table: { slots } };
  const io = await startRuntime({ backend, providers: [provider], limits, seed: 1 });
  const { handle } = await io.open("waiting");
  const { engine } = io;
  const request = {
    ...emptyRequest(),
    end: engine.state.ends.require(handle, "wait"),
  };
  const settler = { settled() {} };
  for (let i = 0; i < slots; i++) {
    if (engine.start(request, settler) === -1) throw new Error(`The table is full at ${i}`);
  }
  return io;
}

export default function open(argument: string): Subject {
  const backend = argument as "uring" | "emulated";
  return {
    batch: 1,
    async sample() {
      // A small one first, which stays: the code that both share is loaded and compiled by then.
      await using _small = await startFilled(backend, SLOTS_BEFORE);
      const before = residentBytes();
      await using _large = await startFilled(backend, SLOTS_MAX);
      return { value: (residentBytes() - before) / BYTES_PER_MIB, waited: 0 };
    },
    close() {},
  };
}
