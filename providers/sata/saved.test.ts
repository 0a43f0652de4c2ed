/** The HBA's state as bytes: taken at any event, a twin goes on with it, and damage is refused. */
import { describe, expect, test } from "bun:test";
import { Random } from "../../core/random.ts";
import { DATA, LINE, Rig, type RigOptions } from "./hba.fixture.ts";
import * as R from "./registers.ts";

/** Everything that can be told of a machine with an HBA. */
function stateOf(rig: Rig): unknown {
  return [
    Bun.hash.crc32(rig.machine.snapshot()),
    Bun.hash.crc32(rig.hba.snapshot()),
    Bun.hash.crc32(rig.medium.bytes),
    rig.machine.now(),
  ];
}

function twinOf(rig: Rig, options: RigOptions): Rig {
  const twin = new Rig(options);
  const machine = rig.machine.snapshot();
  const hba = rig.hba.snapshot();
  const medium = rig.medium.snapshot();
  twin.machine.restore(machine);
  twin.hba.restore(hba);
  twin.medium.restore(medium);
  expect(stateOf(twin)).toEqual(stateOf(rig));
  return twin;
}

function finish(rig: Rig): unknown {
  rig.settle();
  return [stateOf(rig), rig.readPort(R.PORT_IS), rig.machine.interrupts.isPending(LINE)];
}

/** Takes a twin at every event until nothing is left to happen. @returns how many there were */
function expectTwins(options: RigOptions, begin: (rig: Rig) => void): number {
  const rig = new Rig(options).start();
  begin(rig);
  const wanted = new Rig(options).start();
  begin(wanted);
  const end = finish(wanted);
  let events = 0;
  for (;;) {
    expect(finish(twinOf(rig, options))).toEqual(end);
    if (rig.machine.nextEventNs === Infinity) return events;
    rig.machine.runUntil(rig.machine.nextEventNs);
    events += 1;
  }
}

describe("AhciHba.snapshot() and restore()", () => {
  test("a queue on a turning disk goes on from every event of it", () => {
    const options: RigOptions = { timing: "hdd7200" };
    const events = expectTwins(options, (rig) => {
      for (let tag = 0; tag < 6; tag++) {
        rig.poke(DATA + tag * 4096, new Uint8Array(4096).fill(tag + 1));
        rig.queue(tag, 3000 - tag * 500, 8, tag % 2 === 1);
      }
    });
    expect(events).toBeGreaterThan(6);
  });

  test("a PIO transfer goes on from every block, a queue from its error", () => {
    const pio = expectTwins({ timing: "hdd7200" }, (rig) => {
      rig.build(0, { command: 0x24, lba: 8, count: 12 }, [{ address: DATA, bytes: 6144 }]);
      rig.issue(0);
    });
    expect(pio).toBeGreaterThan(11);
    const faults = [{ kind: "unreadable" as const, lba: 84 }];
    expectTwins({ timing: "ssd", faults }, (rig) => {
      for (let tag = 0; tag < 12; tag++) rig.queue(tag, tag * 20, 8);
    });
  });

  test("a hung command, a link that comes up and an empty port are kept as they are", () => {
    expectTwins({ faults: [{ kind: "hang" }] }, (rig) => {
      rig.build(0, { command: 0x25, count: 1 }, [{ address: DATA, bytes: 512 }]);
      rig.issue(0);
    });
    expectTwins({ linkNs: 5e6 }, (rig) => {
      rig.writePort(R.PORT_SCTL, 1);
      rig.writePort(R.PORT_SCTL, 0);
    });
    expectTwins({ plugged: false }, (rig) => rig.writePort(R.PORT_CMD, R.CMD_FRE));
  });

  test("restore() refuses what is not its own and changes nothing", () => {
    const options: RigOptions = { timing: "hdd7200" };
    const rig = new Rig(options).start();
    for (let tag = 0; tag < 4; tag++) rig.queue(tag, tag * 900, 8);
    rig.machine.runUntil(rig.machine.now() + 1e6);
    const before = stateOf(rig);
    const saved = rig.hba.snapshot();
    const empty = new Rig({ plugged: false });
    expect(() => empty.hba.restore(saved)).toThrow(RangeError);
    expect(() => rig.hba.restore(empty.hba.snapshot())).toThrow(RangeError);
    expect(() => rig.hba.restore(new Rig({ ports: 2 }).hba.snapshot())).toThrow(RangeError);
    expect(() => rig.hba.restore(new Uint8Array(0))).toThrow(RangeError);
    const random = new Random(3);
    for (let i = 0; i < 300; i++) {
      const cut = saved.slice(0, random.below(saved.length));
      expect(() => rig.hba.restore(cut)).toThrow(RangeError);
    }
    expect(stateOf(rig)).toEqual(before);
    rig.settle();
    expect(rig.peek(DATA, 4096)).toEqual(rig.sectors(0, 8));
  });
});
