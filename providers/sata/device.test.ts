/** The HBA by its registers: what it says of itself, starting, stopping, links and commands. */
import { describe, expect, test } from "bun:test";
import { PCI_BAR0, PCI_COMMAND } from "../disk/pci.ts";
import { DATA, CLB, FB, LINE, Rig } from "./hba.fixture.ts";
import * as R from "./registers.ts";

describe("AhciHba registers", () => {
  test("generic host control says what there is, and reserved registers read 0", () => {
    const rig = new Rig({ plugged: false });
    expect(rig.read(R.HBA_CAP)).toBe(0xc1349f05 >>> 0);
    expect(rig.read(R.HBA_GHC)).toBe(R.GHC_AE);
    expect(rig.read(R.HBA_PI)).toBe(0x3f);
    expect(rig.read(R.HBA_VS)).toBe(0x00010301);
    for (let at = 0x14; at < 0x100; at += 4) expect([at, rig.read(at)]).toEqual([at, 0]);
    for (let port = 0; port < 32; port++) {
      const values = [0, 0, 0, 0, 0, 0, 0x00040006, 0, 0x7f, 0xffffffff];
      for (let at = 0; at < 0x80; at += 4) {
        const wanted = port < 6 ? (values[at / 4] ?? 0) : 0;
        expect([port, at, rig.readPort(at, port)]).toEqual([port, at, wanted]);
      }
    }
  });

  test("registers keep what is writable of all ones, and no more", () => {
    const rig = new Rig({ plugged: false });
    const ones = (register: number): number => {
      rig.writePort(register, 0xffffffff);
      return rig.readPort(register);
    };
    expect(ones(R.PORT_CLB)).toBe(0xfffffc00);
    expect(ones(R.PORT_CLBU)).toBe(0xffffffff);
    expect(ones(R.PORT_FB)).toBe(0xffffff00);
    expect(ones(R.PORT_IE)).toBe(R.IE_WRITABLE);
    expect(ones(R.PORT_SIG)).toBe(0xffffffff);
    expect(ones(R.PORT_TFD)).toBe(0x7f);
    expect(ones(R.PORT_SSTS)).toBe(0);
    expect(ones(R.PORT_IS)).toBe(0);
    expect(ones(R.PORT_SERR)).toBe(0);
    rig.write(R.HBA_CAP, 0);
    rig.write(R.HBA_GHC, 0);
    expect(rig.read(R.HBA_CAP)).toBe(0xc1349f05);
    expect(rig.read(R.HBA_GHC)).toBe(R.GHC_AE);
  });

  test("narrow accesses reach their part of a register", () => {
    const rig = new Rig({ plugged: false });
    const clb = R.ABAR + R.PORT_BASE + R.PORT_CLB;
    rig.writePort(R.PORT_CLB, 0x12345400);
    expect(rig.machine.memory.read(clb + 2, 2)).toBe(0x1234);
    expect(rig.machine.memory.read(clb + 1, 1)).toBe(0x54);
    rig.machine.memory.write(clb + 3, 1, 0xab);
    expect(rig.readPort(R.PORT_CLB)).toBe(0xab345400);
  });

  test("ST and CR, FRE and FR follow each other, and ST at 0 clears PxCI and PxSACT", () => {
    const rig = new Rig({ plugged: false });
    const bits = (): number => rig.readPort(R.PORT_CMD) & 0xc011;
    rig.writePort(R.PORT_CMD, R.CMD_ST);
    expect(bits()).toBe(R.CMD_ST);
    rig.writePort(R.PORT_CMD, R.CMD_ST | R.CMD_FRE);
    expect(bits()).toBe(R.CMD_ST | R.CMD_FRE | R.CMD_FR | R.CMD_CR);
    rig.writePort(R.PORT_SACT, 6);
    rig.writePort(R.PORT_CI, 6);
    expect([rig.readPort(R.PORT_SACT), rig.readPort(R.PORT_CI)]).toEqual([6, 6]);
    // The FIS receiver cannot be switched off while the command list runs.
    rig.writePort(R.PORT_CMD, R.CMD_ST);
    expect(bits()).toBe(R.CMD_ST | R.CMD_FRE | R.CMD_FR | R.CMD_CR);
    rig.writePort(R.PORT_CMD, R.CMD_FRE);
    expect(bits()).toBe(R.CMD_FRE | R.CMD_FR);
    expect([rig.readPort(R.PORT_SACT), rig.readPort(R.PORT_CI)]).toEqual([0, 0]);
    rig.writePort(R.PORT_CI, 1);
    expect(rig.readPort(R.PORT_CI)).toBe(0);
  });

  test("the PCI function can be sized, enabled and walked", () => {
    const rig = new Rig({ plugged: false });
    const config = (at: number): number => rig.hba.readRegister("config", at, 4);
    expect([config(0), config(8)]).toEqual([0x29228086, 0x01060102]);
    rig.hba.writeRegister("config", PCI_BAR0 + 20, 4, 0xffffffff);
    expect(config(PCI_BAR0 + 20)).toBe(0xffffe000);
    rig.hba.writeRegister("config", PCI_COMMAND, 2, 0xffff);
    expect(config(PCI_COMMAND)).toBe(0x00100407);
    const found: number[] = [];
    for (let at = config(0x34) & 0xff; at !== 0; at = (config(at) >>> 8) & 0xff) {
      found.push(config(at) & 0xff);
    }
    expect(found).toEqual([0x05, 0x12]);
  });
});

describe("AhciHba links", () => {
  test("a device's signature comes with COMINIT, and its FIS lies where D2H ones do", () => {
    const rig = new Rig({ linkNs: 1e6 });
    expect(rig.readPort(R.PORT_SSTS)).toBe(0);
    rig.writePort(R.PORT_FB, FB);
    rig.hba.writeRegister("config", PCI_COMMAND, 2, 0x0006);
    rig.writePort(R.PORT_CMD, R.CMD_FRE);
    rig.machine.runUntil(1e6 - 1);
    expect(rig.readPort(R.PORT_TFD)).toBe(0x7f);
    rig.settle();
    expect(rig.readPort(R.PORT_SSTS)).toBe(0x133);
    expect(rig.readPort(R.PORT_SIG)).toBe(0x101);
    expect(rig.readPort(R.PORT_TFD)).toBe(0x150);
    expect(rig.readPort(R.PORT_SERR)).toBe(R.SERR_X | R.SERR_N);
    expect(rig.readPort(R.PORT_IS)).toBe(R.IS_PCS | R.IS_PRCS);
    expect([...rig.peek(FB + R.RECEIVED_D2H, 13)]).toEqual([
      0x34, 0, 0x50, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1,
    ]);
    rig.writePort(R.PORT_SERR, 0xffffffff);
    expect(rig.readPort(R.PORT_IS)).toBe(0);
  });

  test("COMRESET takes the link down and brings the signature again", () => {
    const rig = new Rig().start();
    rig.writePort(R.PORT_CMD, 0);
    rig.writePort(R.PORT_SCTL, 0x301);
    expect(rig.readPort(R.PORT_SSTS)).toBe(0);
    expect([rig.readPort(R.PORT_TFD), rig.readPort(R.PORT_SIG)]).toEqual([0x7f, 0xffffffff]);
    rig.settle();
    expect(rig.readPort(R.PORT_SSTS)).toBe(0);
    rig.writePort(R.PORT_SCTL, 0x300);
    rig.settle();
    expect([rig.readPort(R.PORT_SSTS), rig.readPort(R.PORT_SIG)]).toEqual([0x133, 0x101]);
    rig.writePort(R.PORT_SCTL, 0x304);
    expect(rig.readPort(R.PORT_SSTS)).toBe(4);
  });

  test("pulling a device out and putting one in is told by PRCS and PCS", () => {
    const rig = new Rig().start();
    const drive = rig.hba.unplug(0)!;
    expect(rig.readPort(R.PORT_IS)).toBe(R.IS_PRCS);
    expect([rig.readPort(R.PORT_SSTS), rig.readPort(R.PORT_TFD)]).toEqual([0, 0x7f]);
    expect(rig.machine.interrupts.takeNext()).toBe(LINE);
    rig.writePort(R.PORT_SERR, 0xffffffff);
    rig.write(R.HBA_IS, 1);
    expect(rig.machine.interrupts.takeNext()).toBe(-1);
    rig.hba.plug(0, drive);
    rig.settle();
    expect(rig.readPort(R.PORT_IS)).toBe(R.IS_PRCS | R.IS_PCS);
    rig.restart();
    expect(rig.run({ command: 0xe7 })).toBe(R.IS_DHRS);
    expect(rig.hba.unplug(5)).toBeUndefined();
    expect(() => rig.hba.plug(0, drive)).toThrow(RangeError);
  });
});

describe("AhciHba interrupts", () => {
  test("IS cleared before PxIS comes back, after it the line falls", () => {
    const rig = new Rig().start();
    rig.run({ command: 0xe7 });
    expect(rig.read(R.HBA_IS)).toBe(1);
    expect(rig.machine.interrupts.isPending(LINE)).toBe(true);
    rig.write(R.HBA_IS, 1);
    expect(rig.read(R.HBA_IS)).toBe(1);
    rig.writePort(R.PORT_IS, R.IS_DHRS);
    expect(rig.read(R.HBA_IS)).toBe(1);
    expect(rig.machine.interrupts.isPending(LINE)).toBe(true);
    rig.write(R.HBA_IS, 1);
    expect([rig.read(R.HBA_IS), rig.machine.interrupts.isPending(LINE)]).toEqual([0, false]);
  });

  test("GHC.IE, PxIE and the command register's disable bit each keep the line low", () => {
    const rig = new Rig().start(0);
    const pending = (): boolean => rig.machine.interrupts.isPending(LINE);
    rig.run({ command: 0xe7 });
    expect([rig.read(R.HBA_IS), pending()]).toEqual([0, false]);
    rig.writePort(R.PORT_IE, R.IS_DHRS);
    expect([rig.read(R.HBA_IS), pending()]).toEqual([1, true]);
    rig.write(R.HBA_GHC, R.GHC_AE);
    expect(pending()).toBe(false);
    rig.write(R.HBA_GHC, R.GHC_AE | R.GHC_IE);
    expect(pending()).toBe(true);
    rig.hba.writeRegister("config", PCI_COMMAND, 2, 0x0406);
    expect(pending()).toBe(false);
  });

  test("an enabled message is written to memory instead of the pin", () => {
    const rig = new Rig().start();
    rig.hba.writeRegister("config", 0x84, 4, 0x8000);
    rig.hba.writeRegister("config", 0x8c, 2, 0x4321);
    rig.hba.writeRegister("config", 0x82, 2, 1);
    rig.run({ command: 0xe7 });
    expect(rig.machine.interrupts.isPending(LINE)).toBe(false);
    expect(rig.peekWord(0x8000)).toBe(0x4321);
  });
});

describe("AhciHba without bus mastering", () => {
  test("no command is fetched before the function may reach memory", () => {
    const rig = new Rig().start();
    rig.hba.writeRegister("config", PCI_COMMAND, 2, 0x0002);
    expect(rig.run({ command: 0x25, count: 1 }, [{ address: DATA, bytes: 512 }])).toBe(0);
    expect(rig.readPort(R.PORT_CI)).toBe(1);
    rig.hba.writeRegister("config", PCI_COMMAND, 2, 0x0006);
    rig.settle();
    expect(rig.readPort(R.PORT_CI)).toBe(0);
    expect(rig.peek(DATA, 512)).toEqual(rig.sectors(0, 1));
    expect(rig.peekWord(CLB + 4)).toBe(512);
  });
});
