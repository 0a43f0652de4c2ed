/**
 * Whatever a network does to segments, streams arrive whole and in order, end on both sides, and
 * leave nothing behind. Goal: no schedule of loss, reordering and duplication, window size, pace or
 * length breaks that. Method: random ones on the emulated network, with a clock that only moves
 * from event to event.
 */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ERRNO } from "../../../core/errors.ts";
import { NOTHING_LEFT, NetworkRig } from "../network.fixture.ts";
import { end, isConnected, release } from "./calls.ts";

const PORT = 80;
/** A virtual day: no transfer may take longer, however bad its network is. */
const LIMIT_NS = 86_400e9;

const conditions = fc.record({
  seed: fc.nat(1e6),
  lossRate: fc.constantFrom(0, 0.01, 0.1, 0.3),
  reorderRate: fc.constantFrom(0, 0.05, 0.3),
  duplicateRate: fc.constantFrom(0, 0.05, 0.3),
  latencyNs: fc.constantFrom(0, 10_000, 5_000_000, 80_000_000),
  jitterNs: fc.constantFrom(0, 1_000_000),
  bandwidthBytesPerSecond: fc.constantFrom(0, 100_000, 10_000_000),
});
const sides = fc.record({
  bytes: fc.oneof(fc.nat(50), fc.nat(60_000), fc.nat(300_000)),
  inboxBytes: fc.constantFrom(1024, 5000, 65_536, 262_144),
  /** Time between two looks at what has come; 0 for at once. */
  paceNs: fc.constantFrom(0, 0, 3_000_000, 400_000_000),
  noDelay: fc.boolean(),
});

/** A byte that tells its place and its sender. */
const byteAt = (place: number, salt: number): number => (place * 31 + (place >> 8) + salt) & 0xff;

/** One side's program: sends all it has, ends, and takes what comes until the end. */
class Program {
  readonly #rig: NetworkRig;
  readonly #data: Uint8Array;
  readonly #salt: number;
  readonly #paceNs: number;
  #number = 0;
  #sent = 0;
  #nextLookNs = 0;
  received = 0;
  wrong = 0;
  ended = false;

  constructor(rig: NetworkRig, salt: number, side: { bytes: number; paceNs: number }) {
    this.#rig = rig;
    this.#salt = salt;
    this.#paceNs = side.paceNs;
    this.#data = Uint8Array.from({ length: side.bytes }, (_, place) => byteAt(place, salt));
  }

  start(number: number): void {
    this.#number = number;
    if (this.#data.length === 0) end(this.#rig.transport, number);
  }

  get isDone(): boolean {
    return this.ended && this.#sent === this.#data.length;
  }

  step(): void {
    if (this.#number === 0) return;
    this.#send();
    const now = this.#rig.machine.now();
    if (this.ended || now < this.#nextLookNs) return;
    this.#nextLookNs = now + this.#paceNs;
    for (;;) {
      const found = this.#rig.receive(this.#number);
      if (found === undefined) this.ended = true;
      if (typeof found === "number" && found < 0) throw new Error(`Cannot receive: ${found}`);
      if (!(found instanceof Uint8Array)) return;
      for (const byte of found) {
        if (byte !== byteAt(this.received++, 1 - this.#salt)) this.wrong++;
      }
    }
  }

  #send(): void {
    if (this.#sent === this.#data.length) return;
    const count = this.#rig.send(this.#number, this.#data, this.#sent);
    if (count < 0) throw new Error(`Cannot send: ${count}`);
    this.#sent += count;
    if (this.#sent === this.#data.length) end(this.#rig.transport, this.#number);
  }
}

/** Connects, again and again while the network loses too much of the handshake. */
function connectAtLast(rig: NetworkRig, listener: number, options: object[]): [number, number] {
  for (;;) {
    const client = rig.connect("a", "b", PORT, options[0]);
    rig.runUntil(() => isConnected(rig.transport, client) !== 0, LIMIT_NS);
    if (isConnected(rig.transport, client) < 0) {
      expect(isConnected(rig.transport, client)).toBe(-ERRNO.ETIMEDOUT);
      release(rig.transport, client);
      continue;
    }
    let server = 0;
    const isGone = (): boolean => isConnected(rig.transport, client) < 0;
    rig.runUntil(() => (server = rig.accept(listener)) !== 0 || isGone(), LIMIT_NS);
    if (server !== 0) return [client, server];
    // The server has given up, and the client, who has nothing to say yet, does not know.
    release(rig.transport, client);
  }
}

describe("streams over any network", () => {
  test("arrive whole, in order and once, end on both sides, and leave nothing", () => {
    const property = fc.property(conditions, sides, sides, (network, left, right) => {
      const { seed, ...link } = network;
      const rig = new NetworkRig(seed);
      const words = Object.entries(link).map(([name, value]) => `${name}=${value}`);
      rig.command(`link a b ${words.join(" ")}`);
      // Looks that nothing else causes: a paced reader has to be woken by its own clock.
      const paceNs = Math.max(left.paceNs, right.paceNs);
      const tick = rig.machine.timer("tick", () => tick.after(paceNs));
      const listener = rig.listen("b", PORT, right);
      const [client, server] = connectAtLast(rig, listener, [left]);
      const programs = [new Program(rig, 0, left), new Program(rig, 1, right)] as const;
      programs[0].start(client);
      programs[1].start(server);
      if (paceNs > 0) tick.after(paceNs);
      const both = (): boolean => {
        for (const program of programs) program.step();
        return programs.every((program) => program.isDone);
      };
      expect(rig.runUntil(both, LIMIT_NS)).toBe(true);
      expect(programs.map(({ received, wrong }) => [received, wrong])).toEqual([
        [right.bytes, 0],
        [left.bytes, 0],
      ]);
      tick.cancel();
      for (const number of [client, server, listener]) release(rig.transport, number);
      rig.runOut(2 * LIMIT_NS);
      expect(rig.left()).toEqual(NOTHING_LEFT);
      expect(rig.machine.ram.dmaErrors).toBe(0);
    });
    fc.assert(property, { seed: 9293, numRuns: 60 });
  });
});
