/** The packet device at its registers, and a CD read through the driver. */
import { describe, expect, test } from "bun:test";
import { Runtime } from "../../index.ts";
import { PacketDrive } from "../disk/drive/packet-drive.ts";
import { FaultList, parseFault } from "../disk/faults.ts";
import { MemoryMedium } from "../disk/medium.ts";
import { timingOf } from "../disk/timing.ts";
import { IdeBench, numberedMedium } from "./device.fixture.ts";

const BLOCK = 2048;
const READY = 0x50;
const CHECK = 0x51;
const be = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer).getUint32(at);

/** A bench whose drive 0 is a CD of 40 blocks. */
function cdBench(faults: string[] = []) {
  const bytes = numberedMedium(160).bytes;
  const medium = new MemoryMedium(bytes, { sectorBytes: BLOCK, readOnly: true });
  const cd = new PacketDrive({
    name: "cd",
    medium,
    timing: timingOf("instant", 1),
    faults: new FaultList(faults.map(parseFault)),
    now: () => 0,
    position: 0,
  });
  const bench = new IdeBench({ drives: [cd] });
  return { bench, cd, bytes, packet: packetOf(bench) };
}

/** Sends a packet. @returns the status and the data, block by block of at most `limit` bytes */
function packetOf(bench: IdeBench) {
  return (packet: readonly number[], limit = 0xfffe, features = 0) => {
    bench.issue(0xa0, { features, lba: limit * 256, device: 0 });
    bench.machine.settle();
    expect([bench.status, bench.read(2) & 3, bench.interrupt]).toEqual([0x58, 1, false]);
    if (features === 1) bench.start(true);
    bench.give(Uint8Array.from({ length: 12 }, (_, i) => packet[i] ?? 0));
    const blocks: Uint8Array[] = [];
    bench.machine.settle();
    while ((bench.status & 8) !== 0) {
      expect([bench.interrupt, bench.read(7) & 8, bench.read(2) & 3]).toEqual([true, 8, 2]);
      blocks.push(bench.take(bench.read(4) + bench.read(5) * 256));
      if (blocks.length > 10_000) throw new Error("The blocks have no end");
      bench.machine.settle();
    }
    const interrupt = bench.interrupt;
    const status = bench.read(7);
    expect([interrupt, bench.read(2) & 3]).toEqual([true, 3]);
    return {
      status,
      error: bench.error,
      blocks,
      data: Uint8Array.from(blocks.flatMap((b) => [...b])),
    };
  };
}

describe("PacketDrive", () => {
  test("aborts IDENTIFY DEVICE with its signature, is a CD [ATA-6 8.15, 8.16]", () => {
    const { bench } = cdBench();
    expect([bench.read(4), bench.read(5), bench.status]).toEqual([0x14, 0xeb, 0]);
    bench.issue(0xec);
    expect([bench.run(), bench.error]).toEqual([CHECK, 4]);
    expect([bench.read(4), bench.read(5)]).toEqual([0x14, 0xeb]);
    bench.issue(0xa1);
    expect(bench.run()).toBe(0x58);
    const data = bench.take(512);
    expect(data[1]! & 0x9f).toBe(0x85);
    // DEVICE RESET works also in the middle of that, and makes no interrupt.
    bench.issue(0xa1);
    bench.write(7, 0x08);
    bench.machine.settle();
    expect([bench.status, bench.interrupt, bench.read(4)]).toEqual([0, false, 0x14]);
  });

  test("tells a unit attention once, and its sense data after an error [SPC-3]", () => {
    const { packet } = cdBench();
    expect(packet([0x12, 0, 0, 0, 36]).data.slice(8, 14)).toEqual(
      new TextEncoder().encode("IOREEL"),
    );
    expect(packet([0x00])).toMatchObject({ status: CHECK, error: 0x60 });
    expect(packet([0x03, 0, 0, 0, 18]).data.slice(0, 14)).toEqual(
      Uint8Array.of(0x70, 0, 6, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x29, 0),
    );
    expect(packet([0x00])).toMatchObject({ status: READY, error: 0 });
    expect(packet([0xff])).toMatchObject({ status: CHECK, error: 0x54 });
    expect(packet([0x03, 0, 0, 0, 18]).data[12]).toBe(0x20);
    expect(packet([0x03, 0, 0, 0, 18]).data[2]).toBe(0);
  });

  test("reads blocks by words in pieces of the byte count limit, and by DMA [ATA-6 8.23]", () => {
    const { bench, packet, bytes } = cdBench();
    packet([0x00]);
    const capacity = packet([0x25]).data;
    expect([be(capacity, 0), be(capacity, 4)]).toEqual([39, BLOCK]);
    const wanted = bytes.slice(3 * BLOCK, 6 * BLOCK);
    const read10 = [0x28, 0, 0, 0, 0, 3, 0, 0, 3];
    const read12 = [0xa8, 0, 0, 0, 0, 3, 0, 0, 0, 3];
    for (const command of [read10, read12]) {
      expect(packet(command).data).toEqual(wanted);
      const pieces = packet(command, 1001);
      expect(pieces.blocks[0]!.length).toBe(1000);
      expect(pieces.data).toEqual(wanted);
      bench.table([[0x4000, 3 * BLOCK]]);
      expect(packet(command, 0, 1).status).toBe(READY);
      expect(bench.machine.memory.slice(0x4000, 0x4000 + 3 * BLOCK)).toEqual(wanted);
    }
    expect(packet([0x28, 0, 0, 0, 0, 39, 0, 0, 2])).toMatchObject({ status: CHECK, error: 0x54 });
    expect(packet([0x43, 0, 0, 0, 0, 0, 1, 0, 20]).data.slice(0, 4)).toEqual(
      Uint8Array.of(0, 18, 1, 1),
    );
  });

  test("opens its tray, says so, and tells of another disc [MMC-3 6.47]", () => {
    const { cd, packet } = cdBench();
    packet([0x00]);
    expect(packet([0x1b, 0, 0, 0, 2]).status).toBe(READY);
    expect(packet([0x00])).toMatchObject({ status: CHECK, error: 0x20 });
    expect(packet([0x03, 0, 0, 0, 18]).data.slice(12, 14)).toEqual(Uint8Array.of(0x3a, 2));
    cd.changeMedium(new MemoryMedium(new Uint8Array(5 * BLOCK), { sectorBytes: BLOCK }));
    expect(packet([0x00])).toMatchObject({ status: CHECK, error: 0x60 });
    expect(packet([0x03, 0, 0, 0, 18]).data[12]).toBe(0x28);
    expect(be(packet([0x25]).data, 0)).toBe(4);
  });

  test("says which block it could not read [SPC-3]", () => {
    const { packet } = cdBench(["unreadable lba=4"]);
    packet([0x00]);
    const read = packet([0x28, 0, 0, 0, 0, 3, 0, 0, 3]);
    expect(read).toMatchObject({ status: CHECK, error: 0x30 });
    const sense = packet([0x03, 0, 0, 0, 18]).data;
    expect([sense[0], sense[2], be(sense, 3), sense[12]]).toEqual([0xf0, 3, 4, 0x11]);
  });
});

describe("ata driver with a CD", () => {
  test("finds the packet device, its size, and reads its blocks by both ways", async () => {
    for (const dma of ["auto", "pio"] as const) {
      await using io = await Runtime.start({ backend: "emulated", seed: 2 });
      await using disk = await io.open("ata", { packet: true, sizeBytes: 100 * BLOCK, dma });
      const line = new Uint8Array(1024);
      const length = await disk.perform("identify", line);
      const told = JSON.parse(new TextDecoder().decode(line.subarray(0, length)));
      expect(told).toMatchObject({ model: "IOREEL CD", sectors: 100, sectorBytes: BLOCK });
      expect((await disk.read(90 * BLOCK, { offset: 5 * BLOCK })).length).toBe(90 * BLOCK);
      const refused = await disk.write(new Uint8Array(BLOCK), { offset: 0 }).catch((e) => e.code);
      expect(refused).toBe("EROFS");
    }
  });
});
