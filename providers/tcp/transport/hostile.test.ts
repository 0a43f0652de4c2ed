/**
 * Input that no peer would send, and memory that is not there: nothing is thrown, nothing runs for
 * ever, nothing is left behind.
 */
import { describe, expect, test } from "bun:test";
import { seconds } from "../../../core/clock.ts";
import { ERRNO } from "../../../core/errors.ts";
import { Random } from "../../../core/random.ts";
import { FRAME_HEADER_BYTES, read32, write32 } from "../network/frame.ts";
import { NOTHING_LEFT, NetworkRig } from "../network.fixture.ts";
import { end, isConnected, release } from "./calls.ts";

/** Numbers that lie at the edges of what a header's fields can hold. */
const ODD = [0, 1, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** Bends a segment: a byte of it, a number of its header, its flags, or its length. */
function bend(random: Random, bytes: Uint8Array): Uint8Array {
  const bent = bytes.slice();
  const header = FRAME_HEADER_BYTES;
  switch (random.below(5)) {
    case 0:
      bent[random.below(bent.length)] = random.below(256);
      break;
    case 1:
      bent[header + 13] = random.below(64);
      break;
    case 2:
      write32(bent, header + 4 + 4 * random.below(2), ODD[random.below(ODD.length)]!);
      break;
    case 3: {
      // Near the truth is worse than far from it.
      const at = header + 4 + 4 * random.below(2);
      write32(bent, at, (read32(bent, at) + random.below(5000) - 2500) >>> 0);
      break;
    }
    default:
      return bent.subarray(0, Math.max(FRAME_HEADER_BYTES, random.below(bent.length)));
  }
  return bent;
}

/** Sends a bent copy of about every third frame beside the true one. */
function infest(rig: NetworkRig, random: Random): () => void {
  const { wire } = rig.device;
  const launch = wire.launch.bind(wire);
  wire.launch = (slot) => {
    const bytes = random.chance(0.3) ? bend(random, wire.store.window(slot)) : undefined;
    launch(slot);
    if (bytes === undefined) return;
    const copy = wire.store.take(bytes.length);
    wire.store.window(copy).set(bytes);
    launch(copy);
  };
  return () => (wire.launch = launch);
}

describe("the transport", () => {
  test("stands bent segments of every kind: it throws nothing, and everything ends", () => {
    const random = new Random(793);
    for (let run = 0; run < 25; run++) {
      const rig = new NetworkRig(run);
      rig.command("link a b latencyNs=1000000 reorderRate=0.1");
      const healed = infest(rig, random);
      const listener = rig.listen("b", 80);
      const open = [1, 2, 3].map(() => rig.connect("a", "b", 80));
      const data = new Uint8Array(random.below(20_000));
      const step = (): boolean => {
        const accepted = rig.accept(listener);
        if (accepted !== 0) open.push(accepted);
        for (const number of open) {
          if (isConnected(rig.transport, number) !== 1) continue;
          if (random.chance(0.3)) rig.send(number, data);
          if (random.chance(0.5)) rig.receive(number);
          if (random.chance(0.01)) end(rig.transport, number);
        }
        return false;
      };
      rig.runUntil(step, rig.machine.now() + seconds(2));
      healed();
      for (const number of [...open, listener]) release(rig.transport, number);
      rig.runOut(seconds(100_000));
      expect(rig.left()).toEqual(NOTHING_LEFT);
      expect(rig.machine.ram.dmaErrors).toBe(0);
    }
  });

  test("tells by ENOBUFS that memory has run out, and goes on when some is free", () => {
    const rig = new NetworkRig(1, 2 << 20);
    const listener = rig.listen("b", 80, { backlog: 100 });
    const pairs: [number, number][] = [];
    const bytes = new Uint8Array(1 << 17);
    let refused = 0;
    for (let i = 0; i < 20 && refused === 0; i++) {
      const client = rig.connect("a", "b", 80);
      let server = 0;
      rig.runUntil(() => (server = rig.accept(listener)) !== 0);
      pairs.push([client, server]);
      refused = Math.min(0, rig.send(client, bytes));
      rig.runUntil(() => false, rig.machine.now() + seconds(5));
    }
    expect(refused).toBe(-ERRNO.ENOBUFS);
    for (const pair of pairs.splice(0, pairs.length - 1)) {
      for (const number of pair) release(rig.transport, number);
    }
    rig.runUntil(() => false, rig.machine.now() + seconds(200));
    const [client, server] = pairs[0]!;
    expect(rig.send(client, bytes)).toBe(bytes.length);
    rig.runUntil(() => rig.receive(server) instanceof Uint8Array);
    for (const number of [client, server, listener]) release(rig.transport, number);
    rig.runOut();
    expect(rig.left()).toEqual(NOTHING_LEFT);
  });
});
