/** Commands on the HBA: each protocol's FISes and interrupts, PRD tables, and what is wrong. */
import { describe, expect, test } from "bun:test";
import { CLB, DATA, FB, Rig, TABLES } from "./hba.fixture.ts";
import * as R from "./registers.ts";

const READ_DMA = 0x25;
const WRITE_DMA = 0x35;

describe("AhciHba commands that are not queued", () => {
  test("a DMA read fills scattered regions in order and counts its bytes", () => {
    const rig = new Rig().start();
    const prds = [
      { address: DATA, bytes: 32 },
      { address: DATA + 0x1000, bytes: 2, interrupt: true },
      { address: DATA + 0x2002, bytes: 990 },
    ];
    expect(rig.run({ command: READ_DMA, lba: 5, count: 2 }, prds)).toBe(R.IS_DHRS | R.IS_DPS);
    const bytes = rig.sectors(5, 2);
    expect(rig.peek(DATA, 32)).toEqual(bytes.slice(0, 32));
    expect(rig.peek(DATA + 0x1000, 2)).toEqual(bytes.slice(32, 34));
    expect(rig.peek(DATA + 0x2002, 990)).toEqual(bytes.slice(34));
    expect(rig.peekWord(CLB + 4)).toBe(1024);
    expect([rig.readPort(R.PORT_CI), rig.readPort(R.PORT_TFD)]).toEqual([0, 0x50]);
    expect([...rig.peek(FB + R.RECEIVED_D2H, 4)]).toEqual([0x34, 0x40, 0x50, 0]);
  });

  test("a DMA write of 128 KiB reaches the medium, and no byte of memory beside it is read", () => {
    const rig = new Rig().start();
    const data = new Uint8Array(131072).map((_, i) => i * 3 + (i >> 8));
    rig.poke(DATA, data);
    const prds = [{ address: DATA, bytes: 131072 }];
    expect(rig.run({ command: WRITE_DMA, lba: 100, count: 256 }, prds, R.HEADER_W)).toBe(R.IS_DHRS);
    expect(rig.sectors(100, 256)).toEqual(data);
    expect(rig.peekWord(CLB + 4)).toBe(131072);
  });

  test("PIO in sends a setup FIS a block, the last with the final status, and no D2H", () => {
    const rig = new Rig().start();
    expect(rig.run({ command: 0xec }, [{ address: DATA, bytes: 512 }])).toBe(R.IS_PSS);
    const setup = rig.peek(FB + R.RECEIVED_PIO_SETUP, 20);
    expect([setup[0], setup[1], setup[2], setup[15]]).toEqual([0x5f, 0x60, 0x58, 0x50]);
    expect(setup[16]! + setup[17]! * 256).toBe(512);
    expect(rig.peek(FB + R.RECEIVED_D2H, 1)[0]).toBe(0);
    expect(rig.peekWord(CLB + 4)).toBe(512);
    // Word 75, queue depth minus one; word 76 bit 8, NCQ.
    expect([rig.peekWord(DATA + 150) & 0x1f, (rig.peekWord(DATA + 152) >> 8) & 1]).toEqual([31, 1]);
  });

  test("PIO out interrupts before each block but the first, and ends with D2H", () => {
    const rig = new Rig().start();
    rig.poke(DATA, new Uint8Array(1536).fill(0xa7));
    const prds = [{ address: DATA, bytes: 1536 }];
    const task = { command: 0x34, lba: 9, count: 3 };
    expect(rig.run(task, prds, R.HEADER_W)).toBe(R.IS_PSS | R.IS_DHRS);
    expect(rig.sectors(9, 3)).toEqual(new Uint8Array(1536).fill(0xa7));
    expect(rig.peekWord(CLB + 4)).toBe(1536);
  });

  test("a refused command stops the port with TFES until ST was 0", () => {
    const rig = new Rig().start();
    expect(rig.run({ command: 0xa1 })).toBe(R.IS_TFES | R.IS_DHRS);
    expect(rig.readPort(R.PORT_TFD)).toBe(0x451);
    expect([rig.readPort(R.PORT_CI), (rig.readPort(R.PORT_CMD) >> 8) & 31]).toEqual([1, 0]);
    rig.build(1, { command: 0xe7 }, []);
    rig.issue(1);
    rig.settle();
    expect(rig.readPort(R.PORT_CI)).toBe(3);
    rig.restart();
    expect(rig.run({ command: 0xe7 })).toBe(R.IS_DHRS);
  });

  test("an unreadable sector ends the transfer before it, with its address", () => {
    const rig = new Rig({ faults: [{ kind: "unreadable", lba: 7 }] }).start();
    rig.run({ command: READ_DMA, lba: 5, count: 4 }, [{ address: DATA, bytes: 2048 }]);
    expect(rig.readPort(R.PORT_TFD)).toBe(0x4051);
    expect(rig.peekWord(CLB + 4)).toBe(1024);
    expect(rig.peek(FB + R.RECEIVED_D2H, 5)[4]).toBe(7);
    expect(rig.peek(DATA, 1024)).toEqual(rig.sectors(5, 2));
    expect(rig.peek(DATA + 1024, 1024)).toEqual(new Uint8Array(1024));
  });

  test("slots take turns, and each command is carried out once", () => {
    const rig = new Rig().start();
    for (let slot = 0; slot < 32; slot++) {
      const prds = [{ address: DATA + slot * 512, bytes: 512 }];
      rig.build(slot, { command: READ_DMA, lba: slot * 3, count: 1 }, prds);
    }
    rig.writePort(R.PORT_CI, 0xffffffff);
    rig.settle();
    expect(rig.readPort(R.PORT_CI)).toBe(0);
    for (let slot = 0; slot < 32; slot++) {
      expect(rig.peek(DATA + slot * 512, 512)).toEqual(rig.sectors(slot * 3, 1));
    }
    expect(rig.drive.counters.commands).toBe(32);
  });

  test("software reset takes two FISes and brings the signature", () => {
    const rig = new Rig().start();
    const control = (value: number, flags: number): void => {
      rig.build(0, {}, [], flags);
      rig.poke(TABLES, Uint8Array.of(0x27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, value));
      rig.issue(0);
      rig.settle();
    };
    control(4, R.HEADER_R | R.HEADER_C);
    expect([rig.readPort(R.PORT_CI), rig.readPort(R.PORT_TFD) & 0x80]).toEqual([0, 0]);
    control(0, 0);
    expect([rig.readPort(R.PORT_CI), rig.readPort(R.PORT_TFD)]).toEqual([0, 0x150]);
    expect(rig.peek(FB + R.RECEIVED_D2H, 1)[0]).toBe(0x34);
    expect(rig.run({ command: 0xe7 })).toBe(R.IS_DHRS);
  });

  test("a software reset takes the time that the drive takes, and shows BSY meanwhile", () => {
    const rig = new Rig({ timing: "hdd7200" }).start();
    for (const value of [4, 0]) {
      rig.build(0, {}, [], R.HEADER_R | R.HEADER_C);
      rig.poke(TABLES, Uint8Array.of(0x27, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, value));
      rig.issue(0);
      rig.machine.runUntil(rig.machine.now() + 1000);
    }
    expect(rig.readPort(R.PORT_TFD) & 0x80).toBe(0x80);
    rig.settle();
    expect(rig.readPort(R.PORT_TFD)).toBe(0x150);
  });

  test("a hung command holds BSY, CLO lets it go, COMRESET brings the device back", () => {
    const rig = new Rig({ faults: [{ kind: "hang", when: "1" }] }).start();
    expect(rig.run({ command: READ_DMA, count: 1 }, [{ address: DATA, bytes: 512 }])).toBe(0);
    expect(rig.readPort(R.PORT_TFD) & 0x80).toBe(0x80);
    rig.writePort(R.PORT_CMD, R.CMD_FRE);
    expect(rig.readPort(R.PORT_TFD) & 0x80).toBe(0x80);
    rig.writePort(R.PORT_CMD, R.CMD_FRE | R.CMD_CLO);
    expect(rig.readPort(R.PORT_TFD) & 0x80).toBe(0);
    rig.writePort(R.PORT_SCTL, 1);
    rig.writePort(R.PORT_SCTL, 0);
    rig.settle();
    rig.restart();
    expect(rig.run({ command: READ_DMA, count: 1 }, [{ address: DATA, bytes: 512 }])).toBe(1);
  });
});

describe("AhciHba with wrong tables", () => {
  const read = { command: READ_DMA, count: 2 };

  test("a table too short overflows, one too long is fine, and both count what moved", () => {
    const rig = new Rig().start();
    expect(rig.run(read, [{ address: DATA, bytes: 514 }])).toBe(R.IS_OFS);
    expect(rig.peek(DATA, 514)).toEqual(rig.sectors(0, 2).slice(0, 514));
    expect(rig.peek(DATA + 514, 510)).toEqual(new Uint8Array(510));
    rig.writePort(R.PORT_CMD, R.CMD_FRE);
    rig.writePort(R.PORT_CMD, R.CMD_FRE | R.CMD_CLO);
    rig.restart();
    expect(rig.run(read, [{ address: DATA, bytes: 8192 }])).toBe(R.IS_DHRS);
    expect(rig.peekWord(CLB + 4)).toBe(1024);
  });

  test("an odd count is taken for the even one above it, an odd address for the one below", () => {
    const rig = new Rig().start();
    rig.build(0, read, [{ address: DATA + 1, bytes: 1023 }]);
    rig.issue(0);
    rig.settle();
    expect(rig.readPort(R.PORT_IS)).toBe(R.IS_DHRS);
    expect(rig.peek(DATA, 1024)).toEqual(rig.sectors(0, 2));
  });

  test.each([
    ["a region past the end of memory", [{ address: (1 << 20) - 512, bytes: 1024 }]],
    ["a region that is nowhere", [{ address: 0xfffffff0, bytes: 1024 }]],
  ])("%s is a host bus fatal error", (_what, prds) => {
    const rig = new Rig().start();
    expect(rig.run(read, prds)).toBe(R.IS_HBFS);
    expect(rig.readPort(R.PORT_CI)).toBe(1);
    rig.writePort(R.PORT_CMD, R.CMD_FRE);
    rig.writePort(R.PORT_CMD, R.CMD_FRE | R.CMD_CLO);
    rig.restart();
    expect(rig.run(read, [{ address: DATA, bytes: 1024 }])).toBe(R.IS_DHRS);
  });

  test("lists, tables and FIS areas outside memory stop the port and move nothing", () => {
    const outside = 0x7ffff000;
    const list = new Rig().start();
    list.writePort(R.PORT_CLB, outside);
    expect(list.run(read)).toBe(R.IS_HBFS);
    const high = new Rig().start();
    high.writePort(R.PORT_CLBU, 0xffffffff);
    expect(high.run(read)).toBe(R.IS_HBFS);
    const fis = new Rig().start();
    fis.writePort(R.PORT_FB, outside);
    expect(fis.run({ command: 0xe7 })).toBe(R.IS_HBFS);
    const table = new Rig().start();
    table.build(0, read, []);
    table.pokeWords(CLB + 8, [outside]);
    table.issue(0);
    table.settle();
    expect(table.readPort(R.PORT_IS)).toBe(R.IS_HBFS);
  });

  test("a FIS that is none, or of no length, is a fatal interface error", () => {
    const rig = new Rig().start();
    rig.build(0, read, []);
    rig.poke(TABLES, Uint8Array.of(0x46));
    rig.issue(0);
    rig.settle();
    expect(rig.readPort(R.PORT_IS)).toBe(R.IS_IFS);
    expect(rig.readPort(R.PORT_SERR)).toBe(R.SERR_H);
    rig.restart();
    rig.build(0, read, []);
    rig.pokeWords(CLB, [0]);
    rig.issue(0);
    rig.settle();
    expect(rig.readPort(R.PORT_IS)).toBe(R.IS_IFS);
  });
});

describe("AhciHba resets with commands in flight", () => {
  const queued = (rig: Rig): void => {
    for (let tag = 0; tag < 8; tag++) rig.queue(tag, tag * 400, 8);
    rig.machine.runUntil(rig.machine.now() + 5e4);
    expect(rig.readPort(R.PORT_SACT)).toBe(0xff);
  };
  const untouched = (rig: Rig): void => {
    rig.settle();
    expect(rig.peek(DATA, 32768)).toEqual(new Uint8Array(32768));
  };

  test("COMRESET drops them all, and nothing of them is heard of again", () => {
    const rig = new Rig({ timing: "hdd7200" }).start();
    queued(rig);
    rig.writePort(R.PORT_SCTL, 1);
    rig.writePort(R.PORT_SCTL, 0);
    untouched(rig);
    rig.restart();
    expect(rig.readPort(R.PORT_SACT)).toBe(0);
    expect(rig.run({ command: 0xe7 })).toBe(R.IS_DHRS);
  });

  test("HBA reset drops them all, keeps the base addresses and nothing else", () => {
    const rig = new Rig({ timing: "hdd7200" }).start();
    queued(rig);
    rig.write(R.HBA_GHC, R.GHC_HR);
    expect([rig.read(R.HBA_GHC), rig.read(R.HBA_IS)]).toEqual([R.GHC_AE, 0]);
    expect([rig.readPort(R.PORT_CLB), rig.readPort(R.PORT_FB)]).toEqual([CLB, FB]);
    expect([rig.readPort(R.PORT_IE), rig.readPort(R.PORT_SACT)]).toEqual([0, 0]);
    untouched(rig);
    expect(rig.readPort(R.PORT_SIG)).toBe(0x101);
  });

  test("pulling the device out, and clearing ST, drop them too", () => {
    const pulled = new Rig({ timing: "hdd7200" }).start();
    queued(pulled);
    pulled.hba.unplug(0);
    untouched(pulled);
    const stopped = new Rig({ timing: "hdd7200" }).start();
    queued(stopped);
    stopped.writePort(R.PORT_CMD, R.CMD_FRE);
    untouched(stopped);
    stopped.restart();
    expect(stopped.run({ command: 0xe7 })).toBe(R.IS_DHRS);
  });
});
