/**
 * Non-DMA mode: a sector's bytes go one by one through the FIFO, at the disk's pace. The host is
 * asked by RQM and the interrupt pin, [82077] 3.2 and 5.2.7; who comes too late loses the command
 * (OR). Without time (instant timing) the disk waits for the host instead.
 */
import { ST0_ABNORMAL, ST1_OVERRUN } from "./registers.ts";
import { finishSector } from "./sectors.ts";
import { FIFO_BYTES, STAGE } from "./state.ts";
import type { Transfer } from "./transfer.ts";

export class Fifo {
  readonly #transfer: Transfer;

  constructor(transfer: Transfer) {
    this.#transfer = transfer;
  }

  reset(): void {
    const { state } = this.#transfer.fdc;
    state.fifoHead = 0;
    state.fifoCount = 0;
    state.service = 0;
    state.dataAt = 0;
    state.dataGoal = 0;
  }

  /** A run of bytes begins: a sector, or the ID that FORMAT TRACK writes. */
  begin(length: number): void {
    const { state } = this.#transfer.fdc;
    state.dataAt = 0;
    state.dataGoal = length;
    if (!this.#transfer.givesBytes) this.#ask();
  }

  /** One byte's time has passed on the disk. */
  tick(): void {
    const transfer = this.#transfer;
    const { fdc } = transfer;
    const { state } = fdc;
    const isFull = state.fifoCount >= fdc.fifoCapacity;
    if (transfer.givesBytes ? isFull : state.fifoCount === 0) {
      if (!transfer.drive.isReal) {
        // The disk stands still; the host's next access sets it going again.
        state.stage = STAGE.BYTES;
        return;
      }
      state.st1 |= ST1_OVERRUN;
      return transfer.finish(ST0_ABNORMAL);
    }
    if (transfer.givesBytes) this.#push(state.data[state.dataAt]!);
    else this.#target()[state.dataAt] = this.#pop();
    state.dataAt += 1;
    this.#ask();
    if (state.dataAt >= state.dataGoal) return finishSector(transfer);
    transfer.wait(STAGE.BYTES, fdc.host.now() + transfer.byteNs);
  }

  hostRead(): number {
    const transfer = this.#transfer;
    const { state } = transfer.fdc;
    if (!transfer.givesBytes || state.fifoCount === 0) return 0;
    const byte = this.#pop();
    this.#ask();
    if (state.fifoCount === 0 && state.stage === STAGE.DRAIN) transfer.finish(state.ending);
    else this.#goOn();
    return byte;
  }

  hostWrite(byte: number): void {
    const transfer = this.#transfer;
    const { fdc } = transfer;
    if (!fdc.isNonDma || transfer.givesBytes) return;
    if (fdc.state.fifoCount >= fdc.fifoCapacity) return;
    this.#push(byte);
    this.#ask();
    this.#goOn();
  }

  /** The command is over on the disk. What the host has not read yet it reads first. */
  end(ending: number): void {
    const { state } = this.#transfer.fdc;
    if (!this.#transfer.givesBytes || state.fifoCount === 0) return this.#transfer.finish(ending);
    state.ending = ending;
    state.stage = STAGE.DRAIN;
    this.#ask();
  }

  #goOn(): void {
    const { fdc, drive } = this.#transfer;
    if (!drive.isReal && fdc.state.stage === STAGE.BYTES) {
      this.#transfer.wait(STAGE.BYTES, fdc.host.now());
    }
  }

  #target(): Uint8Array {
    return this.#transfer.isScanning || this.#transfer.fdc.state.dataGoal === 4
      ? this.#transfer.hostBytes
      : this.#transfer.fdc.state.data;
  }

  /** Whether the host is asked: by the threshold, and at once for a run's last bytes. */
  #ask(): void {
    const transfer = this.#transfer;
    const { fdc } = transfer;
    const { state } = fdc;
    const capacity = fdc.fifoCapacity;
    const threshold = Math.min(fdc.fifoThreshold, capacity);
    let asks = state.service === 1;
    if (transfer.givesBytes) {
      const isLast = state.dataAt >= state.dataGoal || state.stage === STAGE.DRAIN;
      if (state.fifoCount >= Math.max(1, capacity - threshold) || isLast) asks = true;
      if (!transfer.drive.isReal && state.fifoCount >= capacity) asks = true;
      if (state.fifoCount === 0) asks = false;
    } else {
      if (state.fifoCount <= threshold) asks = true;
      if (state.fifoCount >= capacity || state.dataAt + state.fifoCount >= state.dataGoal) {
        asks = false;
      }
    }
    if (asks === (state.service === 1)) return;
    state.service = asks ? 1 : 0;
    if (asks) fdc.raise();
    else fdc.lower();
  }

  #push(byte: number): void {
    const { state } = this.#transfer.fdc;
    state.fifo[(state.fifoHead + state.fifoCount) % FIFO_BYTES] = byte;
    state.fifoCount += 1;
  }

  #pop(): number {
    const { state } = this.#transfer.fdc;
    const byte = state.fifo[state.fifoHead]!;
    state.fifoHead = (state.fifoHead + 1) % FIFO_BYTES;
    state.fifoCount -= 1;
    return byte;
  }
}
