/** Seeded streams of AHCI commands and register accesses, for QEMU's adapter and ours alike. */
import type { TaskFile } from "../disk/drive/drive.ts";
import type { AccessWidth } from "../disk/host.ts";
import type { Comparison, Hardware } from "../disk/qemu/compare.fixture.ts";
import { writeTask } from "./fis.ts";
import { CLB, DATA, FB, LINE, Rig, TABLE_BYTES, TABLES } from "./hba.fixture.ts";
import * as R from "./registers.ts";

const PORT = R.ABAR + R.PORT_BASE;
const SECTOR = 512;
const SLOT_BYTES = 8192;

/** Our adapter on the emulated machine. */
export class OurAhci implements Hardware {
  readonly rig: Rig;

  constructor(sectors: number) {
    this.rig = new Rig({ sectors });
    this.rig.hba.writeRegister("config", 4, 2, 6);
  }

  in(address: number, width: number): number {
    return this.rig.machine.memory.read(address, width as AccessWidth);
  }

  out(address: number, width: number, value: number): void {
    this.rig.machine.memory.write(address, width as AccessWidth, value);
  }

  readMemory(address: number, length: number): Uint8Array {
    return this.rig.peek(address, length);
  }

  writeMemory(address: number, bytes: Uint8Array): void {
    this.rig.poke(address, bytes);
  }

  line(): boolean {
    return this.rig.machine.interrupts.isPending(LINE);
  }

  settle(): void {
    this.rig.settle();
  }
}

/** What a driver starts the port over for. */
const FATAL = R.IS_FATAL | R.IS_OFS;

const over = (one: Hardware): boolean => {
  if ((one.in(PORT + R.PORT_IS, 4) & FATAL) !== 0) return true;
  return (one.in(PORT + R.PORT_CI, 4) | one.in(PORT + R.PORT_SACT, 4)) === 0;
};

const PORT_REGISTERS = {
  PxIS: R.PORT_IS,
  PxCI: R.PORT_CI,
  PxSACT: R.PORT_SACT,
  PxTFD: R.PORT_TFD,
  PxSERR: R.PORT_SERR,
  PxSSTS: R.PORT_SSTS,
  PxSIG: R.PORT_SIG,
  PxCMD: R.PORT_CMD,
  PxIE: R.PORT_IE,
  PxSCTL: R.PORT_SCTL,
} as const;

/** Bits that do not say what happened: DSC in PxTFD; the slot and ICC in PxCMD; speed in PxSSTS. */
const MASKS: Readonly<Record<string, number>> = {
  PxTFD: 0xffef,
  PxCMD: 0xc01f,
  PxSSTS: 0xf0f,
};

export class AhciStream {
  readonly #both: Comparison;
  readonly #sectors: number;
  commands = 0;

  constructor(both: Comparison, sectors: number) {
    this.#both = both;
    this.#sectors = sectors;
  }

  /** Global registers, before anything was done. */
  lookAtHba(): void {
    const both = this.#both;
    both.doing = "HBA";
    for (const [name, register] of Object.entries({
      CAP: R.HBA_CAP,
      GHC: R.HBA_GHC,
      IS: R.HBA_IS,
      PI: R.HBA_PI,
      VS: R.HBA_VS,
    })) {
      both.in(R.ABAR + register, 4, name);
    }
  }

  /** Command list, FIS area, interrupts, start: [AHCI] 10.1.2. */
  start(): void {
    const both = this.#both;
    both.out(R.ABAR + R.HBA_GHC, 4, R.GHC_AE | R.GHC_IE);
    both.out(PORT + R.PORT_CLB, 4, CLB);
    both.out(PORT + R.PORT_FB, 4, FB);
    both.out(PORT + R.PORT_IE, 4, R.IE_WRITABLE);
    this.#restart("start");
  }

  /** Stops and starts the command list, which forgets what was in it: [AHCI] 10.3. */
  #restart(doing: string): void {
    const both = this.#both;
    both.doing = doing;
    both.out(PORT + R.PORT_CMD, 4, R.CMD_FRE | R.CMD_SUD | R.CMD_POD);
    both.settle((one) => (one.in(PORT + R.PORT_CMD, 4) & R.CMD_CR) === 0);
    both.in(PORT + R.PORT_CI, 4, "PxCI when stopped");
    // A device that is left with BSY or DRQ is not started over without a reset.
    const stuck = [both.qemu, both.ours].some(
      (one) => (one.in(PORT + R.PORT_TFD, 4) & (R.STATUS_BSY | R.STATUS_DRQ)) !== 0,
    );
    if (stuck) this.#comreset();
    this.#clear();
    both.out(PORT + R.PORT_CMD, 4, R.CMD_FRE | R.CMD_SUD | R.CMD_POD | R.CMD_ST);
    both.settle((one) => (one.in(PORT + R.PORT_CMD, 4) & R.CMD_CR) !== 0);
    this.#look();
  }

  #comreset(): void {
    const both = this.#both;
    both.out(PORT + R.PORT_SCTL, 4, 0x301);
    both.settle(() => true);
    both.out(PORT + R.PORT_SCTL, 4, 0x300);
    both.settle((one) => (one.in(PORT + R.PORT_TFD, 4) & R.STATUS_BSY) === 0);
  }

  /** PxSERR first, of which PxIS shows a part: [AHCI] 3.3.5. */
  #clear(): void {
    this.#both.out(PORT + R.PORT_SERR, 4, 0xffffffff);
    this.#both.out(PORT + R.PORT_IS, 4, 0xffffffff);
    this.#both.out(R.ABAR + R.HBA_IS, 4, 0xffffffff);
  }

  #look(): void {
    const both = this.#both;
    for (const [name, register] of Object.entries(PORT_REGISTERS)) {
      both.in(PORT + register, 4, name, MASKS[name] ?? 0xffffffff);
    }
    both.in(R.ABAR + R.HBA_IS, 4, "IS");
    both.line(LINE, "line");
    this.#clear();
    both.line(LINE, "line when cleared");
  }

  step(): void {
    const kind = this.#both.random.below(20);
    if (kind === 0) return this.#reset();
    if (kind < 4) return this.#single(this.#both.pick([0xc8, 0x25, 0xc9]), false);
    if (kind < 7) return this.#single(this.#both.pick([0xca, 0x35, 0xcb]), true);
    if (kind < 9) return this.#single(this.#both.pick([0x20, 0x24]), false);
    if (kind < 11) return this.#single(this.#both.pick([0x30, 0x34]), true);
    if (kind < 14) return this.#plain();
    return this.#queued();
  }

  #reset(): void {
    const both = this.#both;
    both.doing = "COMRESET";
    both.out(PORT + R.PORT_CMD, 4, R.CMD_FRE | R.CMD_SUD | R.CMD_POD);
    both.settle(() => true);
    this.#comreset();
    this.#look();
    this.#restart("start after COMRESET");
  }

  #write(address: number, words: readonly number[]): void {
    const bytes = new Uint8Array(Uint32Array.from(words).buffer);
    for (const one of [this.#both.qemu, this.#both.ours]) one.writeMemory(address, bytes);
  }

  /** Builds a command with its data area cut into regions of even length. @returns bytes of it */
  #build(slot: number, task: Partial<TaskFile>, bytes: number, isWrite: boolean): number {
    const { random } = this.#both;
    this.commands += 1;
    const table = TABLES + slot * TABLE_BYTES;
    const fis = new Uint8Array(64);
    writeTask(fis, 0, { command: 0, features: 0, count: 0, lba: 0, device: 0x40, ...task });
    for (const one of [this.#both.qemu, this.#both.ours]) one.writeMemory(table, fis);
    const data = DATA + slot * SLOT_BYTES;
    let regions = 0;
    for (let at = 0; at < bytes; regions++) {
      const left = bytes - at;
      const length = regions === 7 ? left : Math.min(left, 2 * (1 + random.below(2048)));
      this.#write(table + R.TABLE_PRDT + regions * R.PRD_BYTES, [data + at, 0, 0, length - 1]);
      at += length;
    }
    const fill = Uint8Array.from({ length: SLOT_BYTES }, () => random.below(256));
    for (const one of [this.#both.qemu, this.#both.ours]) one.writeMemory(data, fill);
    const flags = isWrite ? R.HEADER_W : 0;
    this.#write(CLB + slot * R.HEADER_BYTES, [
      5 | flags | (regions << R.HEADER_PRDTL_SHIFT),
      0,
      table,
      0,
    ]);
    return regions;
  }

  #finish(slots: readonly number[]): void {
    const both = this.#both;
    both.settle(over);
    const fatal = [both.qemu, both.ours].some((one) => (one.in(PORT + R.PORT_IS, 4) & FATAL) !== 0);
    this.#look();
    for (const slot of slots) {
      both.memory(DATA + slot * SLOT_BYTES, SLOT_BYTES, "data");
      both.memory(CLB + slot * R.HEADER_BYTES + 4, 4, "PRDBC");
    }
    if (both.doing !== "NCQ") both.memory(FB + R.RECEIVED_D2H, 2, "received D2H: type and flags");
    if (/^(20|24|30|34)/.test(both.doing)) {
      both.memory(FB + R.RECEIVED_PIO_SETUP, 2, "received PIO setup: type and flags");
    }
    if (!fatal) return;
    this.#restart(`${both.doing}, restart`);
    // QEMU reports an error once more with the next queued command; a flush in between is told it.
    this.#build(0, { command: 0xe7 }, 0, false);
    both.out(PORT + R.PORT_CI, 4, 1);
    both.settle(over);
    this.#clear();
  }

  #lba(count: number): number {
    const { random } = this.#both;
    if (!random.chance(0.08)) return random.below(this.#sectors - count);
    this.#both.doing += " beyond the end";
    return this.#sectors + random.below(1000);
  }

  #single(command: number, isWrite: boolean): void {
    const both = this.#both;
    both.doing = command.toString(16);
    const slot = both.random.below(32);
    const count = 1 + both.random.below(12);
    const lba = this.#lba(count);
    // A table that is too short is left out: at one, QEMU 7.2 ends by an assertion of its own.
    const room = both.random.chance(0.1) ? SECTOR : 0;
    if (room !== 0) both.doing += " long table";
    this.#build(slot, { command, count, lba, device: 0x40 }, count * SECTOR + room, isWrite);
    both.out(PORT + R.PORT_CI, 4, 2 ** slot);
    this.#finish([slot]);
  }

  #plain(): void {
    const both = this.#both;
    const command = both.pick([0xe7, 0xea, 0xe5, 0x40, 0x42, 0xef, 0xe0, 0x00, 0x91, 0xff]);
    both.doing = command.toString(16).padStart(2, "0");
    const slot = both.random.below(32);
    const features = command === 0xef ? both.pick([0x02, 0x82, 0xaa, 0x55, 0x77]) : 0;
    const count = 1 + both.random.below(12);
    this.#build(slot, { command, features, count, lba: this.#lba(count) }, 0, false);
    both.out(PORT + R.PORT_CI, 4, 2 ** slot);
    this.#finish([slot]);
  }

  /** Some queued commands at once: [AHCI] 5.6.5. */
  #queued(): void {
    const both = this.#both;
    both.doing = "NCQ";
    let active = 0;
    const slots: number[] = [];
    const wanted = 1 + both.random.below(8);
    for (let i = 0; i < wanted; i++) {
      const tag = both.random.below(32);
      if ((active & (1 << tag)) !== 0) continue;
      active |= 1 << tag;
      slots.push(tag);
      const isWrite = both.random.chance(0.5);
      const features = 1 + both.random.below(12);
      // Each has its own part of the disk: the order of queued commands is the disk's affair.
      const part = Math.floor(this.#sectors / 32);
      const lba = tag * part + both.random.below(part - features);
      const task = { command: isWrite ? 0x61 : 0x60, features, count: tag << 3, lba };
      this.#build(tag, task, features * SECTOR, isWrite);
    }
    both.out(PORT + R.PORT_SACT, 4, active >>> 0);
    both.out(PORT + R.PORT_CI, 4, active >>> 0);
    this.#finish(slots);
  }
}
