/**
 * Bytes by which the JavaScript heap grows over a million transitions of a two-phase layer. On the
 * emulated machine the phases are a lock and an interrupt, on io_uring two requests.
 * Argument: the backend. What a sample counts is transitions.
 */
import { heapStats } from "bun:jsc";
import { startRuntime } from "../../core/runtime/start.ts";
import type { Subject } from "../subject.ts";
import { sequentialDriver } from "./drive.ts";
import { pulse } from "./pulse-provider.ts";
import { twophase } from "./two-phase-provider.ts";

/** Two phases, of which each is waited for once and completed once. */
const TRANSITIONS_PER_OPERATION = 4;
const WARM_UP_OPERATIONS = 250_000;

function heapBytes(): number {
  // What the first collection finds dead may keep something alive until the second.
  Bun.gc(true);
  Bun.gc(true);
  return heapStats().heapSize;
}

async function start(
  backend: string,
): Promise<{ run(operations: number): void; close(): unknown }> {
  if (backend === "emulated") {
    const io = await startRuntime({ backend, providers: [pulse], seed: 1 });
    const { handle } = await io.open("pulse");
    const end = io.engine.state.ends.require(handle, "beat");
    const operation = pulse.operationNames.indexOf("lockedBeat");
    return { run: sequentialDriver(io.engine, end, operation), close: () => io.close() };
  }
  const io = await startRuntime({ backend: "uring", providers: [twophase], seed: 1 });
  const { handle } = await io.open("twophase");
  const end = io.engine.state.ends.require(handle, "go");
  return { run: sequentialDriver(io.engine, end, 0), close: () => io.close() };
}

export default async function open(backend: string): Promise<Subject> {
  const { run, close } = await start(backend);
  run(WARM_UP_OPERATIONS);
  return {
    batch: TRANSITIONS_PER_OPERATION,
    sample(transitions) {
      const before = heapBytes();
      run(transitions / TRANSITIONS_PER_OPERATION);
      return { value: heapBytes() - before, waited: 0 };
    },
    close: async () => {
      await close();
    },
  };
}
