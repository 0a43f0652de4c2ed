/** Native command queuing: order, completion, errors, and the speed that it brings. */
import { describe, expect, test } from "bun:test";
import { Random } from "../../core/random.ts";
import { OverlayMedium, zeros } from "../disk/image.ts";
import { TRACK_SECTORS, TURN_NS } from "../disk/timing.ts";
import { DATA, FB, LINE, Rig } from "./hba.fixture.ts";
import * as R from "./registers.ts";

const READ_LOG_EXT = 0x2f;

describe("AhciHba native command queuing", () => {
  test("queued commands clear PxCI at once, and PxSACT when a set device bits FIS tells", () => {
    const rig = new Rig({ timing: "ssd" }).start();
    rig.queue(3, 40, 8);
    rig.queue(31, 80, 8);
    rig.machine.runUntil(rig.machine.now() + 1000);
    expect([rig.readPort(R.PORT_CI), rig.readPort(R.PORT_SACT)]).toEqual([0, 0x80000008]);
    expect(rig.readPort(R.PORT_TFD)).toBe(0x50);
    // The device took the commands with a D2H FIS that asks for no interrupt.
    expect([...rig.peek(FB + R.RECEIVED_D2H, 3)]).toEqual([0x34, 0, 0x50]);
    expect(rig.readPort(R.PORT_IS)).toBe(0);
    rig.settle();
    expect(rig.readPort(R.PORT_SACT)).toBe(0);
    expect(rig.readPort(R.PORT_IS)).toBe(R.IS_SDBS);
    expect(rig.machine.interrupts.takeNext()).toBe(LINE);
    expect(rig.peek(DATA + 3 * 4096, 4096)).toEqual(rig.sectors(40, 8));
    expect(rig.peek(DATA + 31 * 4096, 4096)).toEqual(rig.sectors(80, 8));
    expect(rig.peek(FB + R.RECEIVED_SDB, 2)).toEqual(Uint8Array.of(0xa1, 0x40));
    const setup = rig.peek(FB + R.RECEIVED_DMA_SETUP, 24);
    expect([setup[0], setup[1], setup[4], setup[21]]).toEqual([0x41, 0x20, 31, 0x10]);
  });

  test("commands that finish in one moment share one FIS and one interrupt", () => {
    const rig = new Rig().start();
    for (let tag = 0; tag < 32; tag++) rig.queue(tag, tag * 8, 8);
    rig.settle();
    expect(rig.readPort(R.PORT_SACT)).toBe(0);
    expect([...rig.peek(FB + R.RECEIVED_SDB + 4, 4)]).toEqual([255, 255, 255, 255]);
    for (let tag = 0; tag < 32; tag++) {
      expect(rig.peek(DATA + tag * 4096, 4096)).toEqual(rig.sectors(tag * 8, 8));
    }
  });

  test("the nearest command goes first, whatever the order of issuing", () => {
    const rig = new Rig({ timing: "hdd7200", sectors: 4096 }).start();
    const order: number[] = [];
    // Behind each other on one track, issued backwards: one turn does all of them.
    const tags = [0, 1, 2, 3, 4, 5, 6, 7];
    for (const tag of tags) rig.queue(tag, (7 - tag) * 200, 8);
    let before = 0xff;
    const began = rig.machine.now();
    while (rig.machine.nextEventNs < Infinity) {
      rig.machine.runUntil(rig.machine.nextEventNs);
      const left = rig.readPort(R.PORT_SACT);
      for (const tag of tags) if (((before ^ left) & (1 << tag)) !== 0) order.push(tag);
      before = left;
    }
    expect(order.toSorted()).toEqual(tags);
    const first = order[0]!;
    expect(order).toEqual(tags.map((i) => (first - i + 8) % 8));
    expect(rig.machine.now() - began).toBeLessThan(2 * TURN_NS + 1e6);
  });

  test("queued writes reach the medium, with the tag's slot saying where the data are", () => {
    const rig = new Rig().start();
    for (let tag = 0; tag < 8; tag++) {
      rig.poke(DATA + tag * 4096, new Uint8Array(4096).fill(0x30 + tag));
      rig.queue(tag, 800 + tag * 8, 8, true);
    }
    rig.settle();
    for (let tag = 0; tag < 8; tag++) {
      expect(rig.sectors(800 + tag * 8, 8)).toEqual(new Uint8Array(4096).fill(0x30 + tag));
    }
  });

  test("an error stops the queue, and page 10h of the log says whose it was", () => {
    const rig = new Rig({ timing: "ssd", faults: [{ kind: "unreadable", lba: 403 }] }).start();
    for (let tag = 0; tag < 16; tag++) rig.queue(tag, tag * 80, 8);
    rig.settle();
    expect(rig.readPort(R.PORT_IS) & R.IS_TFES).toBe(R.IS_TFES);
    expect(rig.readPort(R.PORT_TFD)).toBe(0x4051);
    const left = rig.readPort(R.PORT_SACT);
    expect(left & (1 << 5)).toBe(1 << 5);
    const log = { command: READ_LOG_EXT, lba: 0x10, count: 1 };
    rig.restart();
    expect(rig.readPort(R.PORT_SACT)).toBe(0);
    // Before the log is read nothing else is accepted.
    expect(rig.run({ command: 0xe7 }) & R.IS_TFES).toBe(R.IS_TFES);
    rig.restart();
    expect(rig.run(log, [{ address: DATA, bytes: 512 }])).toBe(R.IS_PSS);
    const page = rig.peek(DATA, 512);
    expect([page[0], page[2]! & 1, page[3], page[4]! + page[5]! * 256]).toEqual([5, 1, 0x40, 403]);
    expect(page.reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
    expect(rig.run(log, [{ address: DATA, bytes: 512 }])).toBe(R.IS_PSS);
    expect(rig.peek(DATA, 1)[0]).toBe(0x80);
    expect(rig.run({ command: 0xe7 }) & R.IS_TFES).toBe(0);
  });

  test("a command that is not queued aborts the queue, and a tag in use does too", () => {
    const rig = new Rig({ timing: "hdd7200" }).start();
    for (let tag = 1; tag < 5; tag++) rig.queue(tag, tag * 80, 8);
    rig.machine.runUntil(rig.machine.now() + 1000);
    expect(rig.run({ command: 0xe7 }) & R.IS_TFES).toBe(R.IS_TFES);
    expect(rig.readPort(R.PORT_TFD)).toBe(0x451);
    expect(rig.peek(DATA, 65536)).toEqual(new Uint8Array(65536));
    const twice = new Rig({ timing: "hdd7200" }).start();
    twice.queue(4, 80, 8);
    twice.machine.runUntil(twice.machine.now() + 1000);
    twice.queue(4, 160, 8);
    twice.settle();
    expect(twice.readPort(R.PORT_TFD)).toBe(0x441);
    expect(twice.readPort(R.PORT_IS) & R.IS_TFES).toBe(R.IS_TFES);
  });

  test("a tag that is not its slot has the tag's slot say where the data go", () => {
    const rig = new Rig().start();
    rig.build(9, {}, [{ address: DATA + 0x8000, bytes: 4096 }]);
    const task = { command: 0x60, features: 8, count: 9 << 3, lba: 16 };
    rig.build(2, task, [{ address: DATA, bytes: 4096 }]);
    rig.writePort(R.PORT_SACT, 1 << 9);
    rig.writePort(R.PORT_CI, 1 << 2);
    rig.settle();
    expect([rig.readPort(R.PORT_SACT), rig.readPort(R.PORT_CI)]).toEqual([0, 0]);
    expect(rig.peek(DATA + 0x8000, 4096)).toEqual(rig.sectors(16, 8));
    expect(rig.peek(DATA, 4096)).toEqual(new Uint8Array(4096));
  });

  test("DMA setup FISes ask for interrupts where that is wanted", () => {
    const rig = new Rig({ setupInterrupts: true }).start();
    rig.queue(0, 0, 8);
    rig.settle();
    expect(rig.readPort(R.PORT_IS)).toBe(R.IS_SDBS | R.IS_DSS);
    expect(rig.peek(FB, 2)[1]).toBe(0x60);
  });
});

const DISK_BYTES = 2 ** 36;
const SECTORS = DISK_BYTES / 512;
const COMMANDS = 3000;

/** Random 4 KiB reads, always so many of them queued. @returns virtual time of one, nanoseconds */
function meanReadNs(depth: number): number {
  const medium = new OverlayMedium(zeros(DISK_BYTES));
  const rig = new Rig({ timing: "hdd7200", medium, sectors: 8 }).start();
  const random = new Random(7);
  const began = rig.machine.now();
  let issued = 0;
  while (issued < COMMANDS + depth) {
    const busy = rig.readPort(R.PORT_SACT);
    for (let tag = 0; tag < depth; tag++) {
      if ((busy & (1 << tag)) !== 0) continue;
      rig.queue(tag, random.below(SECTORS / 8) * 8, 8);
      issued += 1;
    }
    rig.machine.runUntil(rig.machine.nextEventNs);
  }
  return (rig.machine.now() - began) / (issued - depth);
}

/** 0.1 ms of command, a mean seek of 8.5 ms, half a turn, and 8 of a track's 2,048 sectors. */
const SINGLE_NS = 0.1e6 + 8.5e6 + TURN_NS / 2 + (8 / TRACK_SECTORS) * TURN_NS;

/** The same by the formulas: seek curve, rotation, shortest positioning time first. */
function queuedByArithmetic(depth: number): number {
  const random = new Random(99);
  const fresh = (): { where: number; angle: number } => {
    return { where: random.unit(), angle: random.unit() };
  };
  const queue = Array.from({ length: depth }, fresh);
  let now = 0;
  let head = 0;
  for (let n = 0; n < COMMANDS; n++) {
    let best = 0;
    let bestNs = Infinity;
    for (const [i, { where, angle }] of queue.entries()) {
      const distance = Math.abs(where - head);
      const seek = 0.1e6 + (distance === 0 ? 0 : 0.8e6 + 14.4375e6 * Math.sqrt(distance));
      const turns = (now + seek) / TURN_NS;
      const ns = seek + ((((angle - turns) % 1) + 1) % 1) * TURN_NS;
      if (ns < bestNs) [best, bestNs] = [i, ns];
    }
    now += bestNs + (8 / TRACK_SECTORS) * TURN_NS;
    head = queue[best]!.where;
    queue[best] = fresh();
  }
  return now / COMMANDS;
}

describe("a 7,200 rpm disk behind the HBA", () => {
  test("does 78 random reads a second one at a time, as seek and rotation say", () => {
    const ratio = meanReadNs(1) / SINGLE_NS;
    expect(1e9 / SINGLE_NS).toBeCloseTo(78.1, 1);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.05);
  });

  test("does more than twice as many with 32 queued, as choosing the nearest says", () => {
    const wanted = queuedByArithmetic(32);
    const found = meanReadNs(32);
    expect(Math.abs(found / wanted - 1)).toBeLessThan(0.05);
    expect(SINGLE_NS / found).toBeGreaterThan(2);
    expect(SINGLE_NS / found).toBeLessThan(3.5);
  });
});
