/** A packet device on an AHCI port: its signature, packets from the command table, sense. */
import { describe, expect, test } from "bun:test";
import { PacketDrive } from "../disk/drive/packet-drive.ts";
import { FaultList } from "../disk/faults.ts";
import { MemoryMedium } from "../disk/medium.ts";
import { timingOf } from "../disk/timing.ts";
import { DATA, Rig, TABLES } from "./hba.fixture.ts";
import * as R from "./registers.ts";

const BLOCK = 2048;
const BLOCKS = 64;

function withCd(): { rig: Rig; contents: Uint8Array } {
  const contents = new Uint8Array(BLOCKS * BLOCK).map((_, i) => i >> 11);
  const rig = new Rig({ plugged: false });
  const drive = new PacketDrive({
    name: "cd",
    medium: new MemoryMedium(contents, { sectorBytes: BLOCK, readOnly: true }),
    timing: timingOf("instant", BLOCKS),
    faults: new FaultList(),
    now: () => rig.machine.now(),
  });
  rig.hba.plug(0, drive);
  return { rig: rig.start(), contents };
}

/** Sends a packet. @returns PxIS */
function send(rig: Rig, packet: number[], bytes: number, features = 0): number {
  rig.writePort(R.PORT_IS, 0xffffffff);
  // The byte count limit is in the LBA registers, 15:8 and 23:16.
  const task = { command: 0xa0, features, lba: 0xfffe00 };
  const prds = bytes > 0 ? [{ address: DATA, bytes }] : [];
  rig.build(0, task, prds, R.HEADER_A);
  rig.poke(
    TABLES + R.TABLE_ACMD,
    Uint8Array.from({ length: 16 }, (_, i) => packet[i] ?? 0),
  );
  rig.issue(0);
  rig.settle();
  return rig.readPort(R.PORT_IS);
}

describe("AhciHba with a packet device", () => {
  test("the signature tells a packet device from a disk", () => {
    const { rig } = withCd();
    expect(rig.readPort(R.PORT_SIG)).toBe(R.SIG_PACKET);
    expect(rig.run({ command: 0xa1 }, [{ address: DATA, bytes: 512 }])).toBe(R.IS_PSS);
    expect(rig.peekWord(DATA) & 0xc000).toBe(0x8000);
  });

  test("the first packet meets a unit attention, sense says which, the next ones read", () => {
    const { rig, contents } = withCd();
    expect(send(rig, [0x00], 0) & R.IS_TFES).toBe(R.IS_TFES);
    rig.restart();
    expect(send(rig, [0x03, 0, 0, 0, 18], 18) & R.IS_TFES).toBe(0);
    const sense = rig.peek(DATA, 18);
    expect([sense[0]! & 0x7f, sense[2]! & 15]).toEqual([0x70, 6]);
    expect(send(rig, [0x00], 0)).toBe(R.IS_DHRS);
    for (const features of [0, 1]) {
      rig.poke(DATA, new Uint8Array(3 * BLOCK));
      expect(send(rig, [0x28, 0, 0, 0, 0, 5, 0, 0, 3], 3 * BLOCK, features) & R.IS_TFES).toBe(0);
      expect(rig.peek(DATA, 3 * BLOCK)).toEqual(contents.slice(5 * BLOCK, 8 * BLOCK));
    }
    expect(send(rig, [0x28, 0, 0, 0, 0, 63, 0, 0, 3], 3 * BLOCK) & R.IS_TFES).toBe(R.IS_TFES);
  });
});
