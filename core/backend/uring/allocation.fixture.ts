/**
 * A million requests in a process that reports its garbage collections, also such as pick buffers
 * and are limited: whoever allocates for each request sees some. Argument: "ring", or "garbage" for
 * a sink that does allocate.
 */
import { ERRNO } from "../../errors.ts";
import { COMPLETE_BUFFER, OPCODE, fromGroup } from "../contract.ts";
import type { Ring, Sink } from "../contract.ts";
import { UringBackend } from "./uring-backend.ts";

export const ALLOCATION = import.meta.path;

const DEPTH = 64;
const ROUNDS = 16_000;
const WARM_UP_ROUNDS = 2000;

const TALK = DEPTH;
const LIMIT_NS = 60e9;

class LeanSink implements Sink {
  sum = 0;
  readonly #ring: Ring;
  readonly #group: number;

  constructor(ring: Ring, group: number) {
    this.#ring = ring;
    this.#group = group;
  }

  turn(): void {}

  complete(_slot: number, _generation: number, result: number, flags: number): void {
    if (result < 0 && result !== -ERRNO.ECANCELED) throw new Error(`A request gave ${result}`);
    this.sum += result;
    if ((flags & COMPLETE_BUFFER) !== 0) this.#ring.giveBuffer(this.#group, flags >>> 16);
  }

  interrupt(): void {}
  expire(): void {}
  input(): void {}
}

class WastefulSink extends LeanSink {
  latest: unknown;

  override complete(slot: number, generation: number, result: number, flags: number): void {
    super.complete(slot, generation, result, flags);
    this.latest = { result };
  }
}

/** A datagram socket that is its own peer: what it sends it receives. */
function talker(backend: UringBackend): number {
  const [AF_INET, SOCK_DGRAM] = [2, 2];
  const file = backend.host.socket(AF_INET, SOCK_DGRAM, 0);
  backend.host.bind(file, new Uint8Array([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
  const memory = new Uint8Array(new SharedArrayBuffer(16));
  memory.set(backend.host.socketName(file, false));
  backend.ring.prepare(OPCODE.CONNECT, 0, 1, file, backend.pinMemory(memory), 0, 16, 0);
  while (backend.pending()) backend.poll(new LeanSink(backend.ring, 0), true);
  return file;
}

if (import.meta.main) {
  const backend = UringBackend.openBlocking();
  const address = backend.pinMemory(new Uint8Array(new SharedArrayBuffer(DEPTH * 64)));
  const file = backend.host.open("/dev/zero", 0, 0);
  const { ring } = backend;
  const group = ring.openGroup(address, 64, 4);
  const Kind = process.argv[2] === "garbage" ? WastefulSink : LeanSink;
  const sink = new Kind(ring, group);
  const own = talker(backend);
  const run = (rounds: number): void => {
    for (let round = 0; round < rounds; round++) {
      for (let slot = 0; slot < DEPTH; slot += 2) {
        ring.prepare(OPCODE.NOP, slot, round, -1, 0, 0, 0, 0);
        ring.prepare(OPCODE.READ, slot + 1, round, file, address + slot * 64, 64, 0, 0);
      }
      ring.cancel(1, round);
      ring.prepare(OPCODE.SEND, TALK, round, own, address, 64, 0, 0);
      ring.prepare(OPCODE.RECV, TALK + 1, round, own, 0, 0, 0, 0, fromGroup(group));
      ring.limit(TALK + 1, round, LIMIT_NS);
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
