/**
 * Saving and restoring in the middle of things: frames on the wire, gaps in streams, timers set.
 * What was restored goes on as what was saved does, and what somebody has damaged is refused, or
 * does no harm.
 */
import { describe, expect, test } from "bun:test";
import { seconds } from "../../core/clock.ts";
import { Random } from "../../core/random.ts";
import { NetworkRig } from "./network.fixture.ts";
import { restoreNetwork, saveNetwork } from "./network/saved.ts";
import { checkMemory } from "./transport/check.ts";
import { end, release } from "./transport/calls.ts";

const BYTES = 120_000;
const data = Uint8Array.from({ length: BYTES }, (_, at) => (at * 7 + (at >> 8)) & 0xff);

/** A transfer over a bad network, as far as it is at some moment. */
class Transfer {
  readonly rig: NetworkRig;
  sent = 0;
  received = 0;
  wrong = 0;
  ended = false;
  static readonly LISTENER = 1;
  static readonly CLIENT = 2;
  static readonly SERVER = 3;

  constructor(rig: NetworkRig) {
    this.rig = rig;
  }

  static begun(): Transfer {
    const rig = new NetworkRig(3);
    rig.command("link a b latencyNs=3000000 lossRate=0.1 reorderRate=0.1 duplicateRate=0.1");
    expect(rig.listen("b", 80)).toBe(Transfer.LISTENER);
    expect(rig.connect("a", "b", 80)).toBe(Transfer.CLIENT);
    rig.runUntil(() => rig.accept(Transfer.LISTENER) === Transfer.SERVER);
    return new Transfer(rig);
  }

  /** Another one at the same point, on a machine of its own. */
  copy(): Transfer {
    const other = new Transfer(new NetworkRig(3));
    other.rig.restore(this.rig.snapshot());
    const { sent, received, wrong, ended } = this;
    return Object.assign(other, { sent, received, wrong, ended });
  }

  readonly step = (): boolean => {
    const { rig } = this;
    if (this.sent < BYTES) {
      this.sent += Math.max(0, rig.send(Transfer.CLIENT, data, this.sent));
      if (this.sent === BYTES) end(rig.transport, Transfer.CLIENT);
    }
    const found = rig.receive(Transfer.SERVER);
    if (found === undefined) this.ended = true;
    if (found instanceof Uint8Array) {
      for (const byte of found) if (byte !== data[this.received++]) this.wrong++;
    }
    return this.ended;
  };

  finish(): object {
    const { rig } = this;
    expect(rig.runUntil(this.step, seconds(10_000))).toBe(true);
    const atNs = rig.machine.now();
    for (const number of [Transfer.CLIENT, Transfer.SERVER, Transfer.LISTENER]) {
      release(rig.transport, number);
    }
    rig.runOut(seconds(20_000));
    const { dropped } = rig.device.wire;
    const { retransmissions } = rig.transport.memory.root;
    const { received, wrong } = this;
    return { atNs, received, wrong, dropped, retransmissions, left: rig.left() };
  }
}

describe("a restored network", () => {
  test("goes on from the middle of a lossy transfer to the very same end", () => {
    const original = Transfer.begun();
    const copies: Transfer[] = [];
    for (let part = 1; part < 6; part++) {
      original.rig.runUntil(() => original.step() || original.received > (BYTES * part) / 6);
      const copy = original.copy();
      expect(copy.rig.snapshot()).toEqual(original.rig.snapshot());
      copies.push(copy);
    }
    const result = original.finish();
    expect(result).toMatchObject({
      received: BYTES,
      wrong: 0,
      left: { connections: 0, blocks: 0 },
    });
    for (const copy of copies) expect(copy.finish()).toEqual(result);
  });

  test("refuses a damaged state of the wire and changes nothing, or is none the worse", () => {
    const original = Transfer.begun();
    original.rig.runUntil(() => original.step() || original.received > BYTES / 2);
    original.rig.command("clog a b");
    original.rig.runUntil(() => false, original.rig.machine.now() + seconds(1));
    const saved = saveNetwork(original.rig.device);
    const { rig } = original.copy();
    const random = new Random(4);
    const outcomes = { refused: 0, restored: 0 };
    for (let i = 0; i < 1500; i++) {
      const damaged = saved.slice(0, random.chance(0.1) ? random.below(saved.length) : undefined);
      // Digits instead of other digits: what a person would try.
      const at = random.below(damaged.length);
      damaged[at] = random.chance(0.5) ? 48 + random.below(10) : random.below(256);
      const before = saveNetwork(rig.device);
      try {
        restoreNetwork(rig.device, damaged);
        outcomes.restored++;
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        expect(saveNetwork(rig.device)).toEqual(before);
        outcomes.refused++;
        continue;
      }
      rig.command("unclog a b");
      rig.runUntil(() => false, rig.machine.now() + seconds(0.001));
      rig.restore({ ...original.rig.snapshot(), network: saved });
    }
    expect(outcomes.refused).toBeGreaterThan(300);
    expect(outcomes.restored).toBeGreaterThan(100);
  });

  test("looks through the memory that it is given: nothing in it has no end", () => {
    const original = Transfer.begun();
    original.rig.runUntil(() => original.step() || original.received > BYTES / 2);
    const saved = original.rig.snapshot();
    const random = new Random(5);
    const odd = [0, 1, 2, 3, 64, 65, 4096, 0x10000, 0x7fffffff, 0xffffffff];
    const rig = new NetworkRig(3);
    const { memory } = rig.transport;
    const outcomes = { refused: 0, restored: 0 };
    for (let i = 0; i < 400; i++) {
      rig.restore(saved);
      const regions = [
        [memory.rootAt, 256],
        [memory.addressOf(1), 2048],
        [memory.root.heap, 128],
        [memory.root.receiveRing, 2048],
      ] as const;
      for (let change = random.below(3); change >= 0; change--) {
        const [from, sizeBytes] = regions[random.below(regions.length)]!;
        const at = from + random.below(sizeBytes);
        if (random.chance(0.5)) memory.u8[at] = random.below(256);
        else memory.u32[at >> 2] = odd[random.below(odd.length)]!;
      }
      try {
        checkMemory(rig.transport, saved.rootAt);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        outcomes.refused++;
        continue;
      }
      outcomes.restored++;
      let turns = 0;
      try {
        rig.runUntil(() => ++turns > 20_000, rig.machine.now() + seconds(20));
      } catch (error) {
        // A number that cannot be is noticed when it is used, and ends the run.
        expect(error).toBeInstanceOf(RangeError);
      }
      expect(turns).toBeLessThan(20_000);
    }
    expect(outcomes.refused).toBeGreaterThan(100);
    expect(outcomes.restored).toBeGreaterThan(100);
  });
});
