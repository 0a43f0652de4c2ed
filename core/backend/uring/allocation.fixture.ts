/**
 * A million requests in a process that reports its garbage collections: whoever allocates for each
 * request sees some. Argument: "ring", or "garbage" for a sink that does allocate.
 */
import { OPCODE } from "../contract.ts";
import type { Sink } from "../contract.ts";
import { UringBackend } from "./uring-backend.ts";

export const ALLOCATION = import.meta.path;

const DEPTH = 64;
const ROUNDS = 16_000;
const WARM_UP_ROUNDS = 2000;

class LeanSink implements Sink {
  sum = 0;

  turn(): void {}

  complete(_slot: number, _generation: number, result: number): void {
    this.sum += result;
  }

  interrupt(): void {}
  expire(): void {}
  input(): void {}
}

class WastefulSink extends LeanSink {
  latest: unknown;

  override complete(_slot: number, _generation: number, result: number): void {
    this.latest = { result };
  }
}

if (import.meta.main) {
  const backend = UringBackend.openBlocking();
  const address = backend.pinMemory(new Uint8Array(new SharedArrayBuffer(DEPTH * 64)));
  const file = backend.host.open("/dev/zero", 0, 0);
  const sink = process.argv[2] === "garbage" ? new WastefulSink() : new LeanSink();
  const { ring } = backend;
  const run = (rounds: number): void => {
    for (let round = 0; round < rounds; round++) {
      for (let slot = 0; slot < DEPTH; slot += 2) {
        ring.prepare(OPCODE.NOP, slot, round, -1, 0, 0, 0, 0);
        ring.prepare(OPCODE.READ, slot + 1, round, file, address + slot * 64, 64, 0, 0);
      }
      ring.cancel(1, round);
      while (backend.pending()) backend.poll(sink, true);
    }
  };
  run(WARM_UP_ROUNDS);
  Bun.gc(true);
  process.stderr.write("measured from here\n");
  run(ROUNDS);
  process.stderr.write("measured up to here\n");
  backend.close();
}
