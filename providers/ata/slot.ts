/**
 * One of the two places on a channel's cable: the drive, if there is one, and its task file. Both
 * drives take what the host writes; each keeps its own status, error and results.
 */
import { STATUS } from "../disk/drive/bits.ts";
import type { Drive, Plan, Signature, TaskFile } from "../disk/drive/drive.ts";
import { REG } from "./registers.ts";

const FILE_BYTES = 8;

export class Slot {
  drive: Drive | undefined;
  status = 0;
  error = 0;
  /** INTRQ is pending; only the selected drive drives the line ([ATA-6] 7.15.6). */
  pending = false;
  /** Registers 1 to 6 as they are and as they were before the last write ([ATA-6] 6.2). */
  readonly now = new Uint8Array(FILE_BYTES);
  readonly before = new Uint8Array(FILE_BYTES);

  get busy(): boolean {
    return (this.status & STATUS.BSY) !== 0;
  }

  write(register: number, value: number): void {
    this.before[register] = this.now[register]!;
    this.now[register] = value;
  }

  /** The command that the registers describe. */
  fill(task: TaskFile, command: number): void {
    const { now, before } = this;
    task.command = command;
    task.features = before[REG.FEATURES]! * 256 + now[REG.FEATURES]!;
    task.count = before[REG.COUNT]! * 256 + now[REG.COUNT]!;
    const low = now[REG.LBA_LOW]! + now[REG.LBA_MID]! * 2 ** 8 + now[REG.LBA_HIGH]! * 2 ** 16;
    const high =
      before[REG.LBA_LOW]! + before[REG.LBA_MID]! * 2 ** 8 + before[REG.LBA_HIGH]! * 2 ** 16;
    task.lba = high * 2 ** 24 + low;
    task.device = now[REG.DEVICE]!;
  }

  /** The results of a command that is over. */
  show(plan: Plan): void {
    this.status = plan.status;
    this.error = plan.error;
    this.#showLba(plan.resultLba);
    this.now[REG.COUNT] = plan.resultCount & 0xff;
    this.now[REG.DEVICE] = plan.resultDevice;
    if (plan.extended) this.before[REG.COUNT] = (plan.resultCount >>> 8) & 0xff;
    if (plan.extended) {
      this.before[REG.LBA_LOW] = Math.floor(plan.resultLba / 2 ** 24) & 0xff;
      this.before[REG.LBA_MID] = Math.floor(plan.resultLba / 2 ** 32) & 0xff;
      this.before[REG.LBA_HIGH] = Math.floor(plan.resultLba / 2 ** 40) & 0xff;
    }
  }

  #showLba(lba: number): void {
    this.now[REG.LBA_LOW] = lba & 0xff;
    this.now[REG.LBA_MID] = Math.floor(lba / 2 ** 8) & 0xff;
    this.now[REG.LBA_HIGH] = Math.floor(lba / 2 ** 16) & 0xff;
  }

  /** What a reset leaves in the registers ([ATA-6] 9.12). */
  sign(signature: Signature): void {
    this.now.fill(0);
    this.before.fill(0);
    this.#showLba(signature.lba);
    this.now[REG.COUNT] = signature.count;
    this.now[REG.DEVICE] = signature.device;
    this.error = signature.error;
    this.status = signature.status;
    this.pending = false;
  }

  save() {
    const { status, error, pending, now, before } = this;
    return { present: this.drive !== undefined, status, error, pending, now, before };
  }

  load(saved: ReturnType<Slot["save"]>): void {
    this.status = saved.status;
    this.error = saved.error;
    this.pending = saved.pending;
    this.now.set(saved.now.subarray(0, FILE_BYTES));
    this.before.set(saved.before.subarray(0, FILE_BYTES));
    if (!saved.present) this.drive = undefined;
  }
}
