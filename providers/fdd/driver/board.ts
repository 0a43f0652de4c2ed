/**
 * The controller as the driver talks to it: bytes through its ports, and the DMA channel's
 * registers. What the driver knows of the controller is here too, and is saved with the session.
 */
import { decodeState, encodeState } from "../../disk/state.ts";
import {
  DMA_CLEAR_POINTER,
  DMA_MASK_ONE,
  DMA_MODE,
  DMA_PAGE_BASE,
  MODE_FROM_MEMORY,
  MODE_SINGLE,
  MODE_TO_MEMORY,
} from "../dma.ts";
import type { FloppyFormat } from "../geometry.ts";
import {
  CMD_CONFIGURE,
  CMD_SENSE_INTERRUPT,
  CMD_SPECIFY,
  DIR_CHANGED,
  DOR_DMA_GATE,
  DOR_MOTOR_0,
  DOR_NOT_RESET,
  DOR_SELECT,
  FDC_BASE,
  FDC_DMA_CHANNEL,
  MSR_DIO,
  MSR_RQM,
  REG_CCR,
  REG_DIR,
  REG_DOR,
  REG_FIFO,
  REG_MSR,
} from "../registers.ts";
import { RATE_FACTORS } from "../seeks.ts";

/** Port space of the machine, as the driver needs it. */
export interface Ports {
  read(port: number, width: 1): number;
  write(port: number, width: 1, value: number): void;
}

/** FIFO on with a threshold of 9 bytes, polling on: what CONFIGURE says after a reset. */
const CONFIG = 0x08;
/** 3 ms from track to track. */
const STEP_MS = 3;
/** The head unload time's nibble: the longest but one, 240 ms. */
const UNLOAD = 0x0f;
/** The head load time: 4 ms at 500 kbit/s; the settling is waited for by the seek. */
const LOAD = 2;
const NO_RATE = 255;
const LIKE = { dor: 0, isReady: false, epoch: 0, rate: 0 };

export class Board {
  readonly name = "fdd-driver";
  /** Whether the controller was reset and knows its settings. */
  isReady = false;
  /** Resets so far: a drive whose arm was calibrated before has to do it again. */
  epoch = 0;
  #dor = 0;
  #rate = NO_RATE;
  readonly #ports: Ports;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  #in(register: number): number {
    return this.#ports.read(FDC_BASE + register, 1);
  }

  #out(register: number, value: number): void {
    this.#ports.write(FDC_BASE + register, 1, value);
  }

  /** Sends a byte of a command. @returns false when the controller does not want one */
  put(byte: number): boolean {
    if ((this.#in(REG_MSR) & (MSR_RQM | MSR_DIO)) !== MSR_RQM) return false;
    this.#out(REG_FIFO, byte);
    return true;
  }

  /** Takes a result byte. @returns -1 when the controller has none */
  take(): number {
    return this.hasResult ? this.#in(REG_FIFO) : -1;
  }

  get hasResult(): boolean {
    const wanted = MSR_RQM | MSR_DIO;
    return (this.#in(REG_MSR) & wanted) === wanted;
  }

  /** Whether the controller is out of its reset. */
  get isAwake(): boolean {
    return (this.#in(REG_MSR) & MSR_RQM) !== 0;
  }

  /** The selected drive's disk change line. */
  get isChanged(): boolean {
    return (this.#in(REG_DIR) & DIR_CHANGED) !== 0;
  }

  /** Resets the controller; its interrupt says when it is over. Motors go on. */
  reset(): void {
    this.isReady = false;
    this.epoch += 1;
    this.#rate = NO_RATE;
    this.#dor &= ~DOR_NOT_RESET;
    this.#dor |= DOR_DMA_GATE;
    this.#out(REG_DOR, this.#dor);
    this.#dor |= DOR_NOT_RESET;
    this.#out(REG_DOR, this.#dor);
  }

  /** Tells the controller its settings after a reset. @returns whether it took them */
  configure(): boolean {
    this.isReady = this.put(CMD_CONFIGURE) && this.put(0) && this.put(CONFIG) && this.put(0);
    return this.isReady;
  }

  /** @returns ST0, or -1 when the controller does not answer */
  senseInterrupt(): number {
    return this.put(CMD_SENSE_INTERRUPT) ? this.take() : -1;
  }

  /** Chooses the drive that the change line speaks of. */
  select(drive: number): void {
    const dor = (this.#dor & ~DOR_SELECT) | drive;
    if (dor === this.#dor) return;
    this.#dor = dor;
    this.#out(REG_DOR, dor);
  }

  setMotor(drive: number, on: boolean): void {
    const bit = DOR_MOTOR_0 << drive;
    this.#dor = on ? this.#dor | bit : this.#dor & ~bit;
    this.#out(REG_DOR, this.#dor);
  }

  /** Sets data rate and step rate for a format. @returns whether the controller took them */
  setRate({ rate }: FloppyFormat): boolean {
    if (rate === this.#rate) return true;
    this.#out(REG_CCR, rate);
    const factor = RATE_FACTORS[rate]!;
    const step = 16 - Math.ceil(STEP_MS / factor);
    const isTaken = this.put(CMD_SPECIFY) && this.put((step << 4) | UNLOAD) && this.put(LOAD << 1);
    this.#rate = isTaken ? rate : NO_RATE;
    return isTaken;
  }

  /** Sets the DMA channel for one transfer that crosses no 64 KiB. */
  programDma(address: number, length: number, toMemory: boolean): void {
    const ports = this.#ports;
    const count = length - 1;
    const mode = MODE_SINGLE | (toMemory ? MODE_TO_MEMORY : MODE_FROM_MEMORY);
    ports.write(DMA_MASK_ONE, 1, 4 | FDC_DMA_CHANNEL);
    ports.write(DMA_CLEAR_POINTER, 1, 0);
    ports.write(DMA_MODE, 1, mode | FDC_DMA_CHANNEL);
    ports.write(FDC_DMA_CHANNEL * 2, 1, address & 0xff);
    ports.write(FDC_DMA_CHANNEL * 2, 1, (address >> 8) & 0xff);
    ports.write(FDC_DMA_CHANNEL * 2 + 1, 1, count & 0xff);
    ports.write(FDC_DMA_CHANNEL * 2 + 1, 1, count >> 8);
    ports.write(DMA_PAGE_BASE, 1, (address >> 16) & 0xff);
    ports.write(DMA_MASK_ONE, 1, FDC_DMA_CHANNEL);
  }

  snapshot(): Uint8Array {
    const { isReady, epoch } = this;
    return encodeState(this.name, 1, { dor: this.#dor, isReady, epoch, rate: this.#rate });
  }

  restore(bytes: Uint8Array): void {
    const saved = decodeState(this.name, 1, bytes, LIKE);
    this.#dor = saved.dor & 0xff;
    this.#rate = saved.rate & 0xff;
    this.isReady = saved.isReady;
    this.epoch = saved.epoch;
  }
}
