/** What the controller remembers between two register accesses; all of it is saved. */

export const PHASE = { HELD: 0, IDLE: 1, COMMAND: 2, EXECUTION: 3, RESULT: 4 } as const;

/** Where a data command stands. */
export const STAGE = {
  NONE: 0,
  /** An implied seek goes before it. */
  SEEKING: 1,
  /** It waits for index pulses that do not come: motor off, no disk. */
  STALLED: 2,
  /** The sector's end comes to the head. */
  SECTOR: 3,
  /** It looks for a sector that is not there, for two turns. */
  FAILING: 4,
  /** An ID field comes to the head (READ ID). */
  IDENTIFY: 5,
  /** The place of the next sector to format comes. */
  FORMAT: 6,
  /** Formatting waits for the index pulse that ends it. */
  FORMAT_END: 7,
  /** Bytes of a sector go through the FIFO one by one (non-DMA mode). */
  BYTES: 8,
  /** The host has still to read what is in the FIFO (non-DMA mode). */
  DRAIN: 9,
} as const;

/** Kinds of seek that a drive is busy with. */
export const SEEK = { NONE: 0, SEEK: 1, RECALIBRATE: 2, IMPLIED: 3 } as const;

export const FIFO_BYTES = 16;
const PARAMETER_BYTES = 9;
const RESULT_BYTES = 10;

/** Numbers by name: what each is after power-on, and its largest value. */
const NUMBERS = {
  dor: [0, 255],
  tdr: [0, 3],
  /** Data rate: 250 kbit/s after a hardware reset, [82077] 2.1.5. */
  rate: [2, 3],
  phase: [PHASE.HELD, PHASE.RESULT],
  /** The interrupt pin, before the DOR's gate. */
  line: [0, 1],
  /** Answers of SENSE INTERRUPT STATUS left after a reset. */
  resetSenses: [0, 4],
  command: [0, 255],
  parameterAt: [0, PARAMETER_BYTES],
  parameterGoal: [0, PARAMETER_BYTES],
  resultAt: [0, RESULT_BYTES],
  resultLength: [0, RESULT_BYTES],
  /** SPECIFY's two bytes. */
  stepAndUnload: [0, 255],
  loadAndMode: [0, 255],
  config: [0x20, 255],
  precompensationTrack: [0, 255],
  locked: [0, 1],
  perpendicular: [0, 255],
  // The data command at work.
  code: [0, 255],
  options: [0, 255],
  stage: [STAGE.NONE, STAGE.DRAIN],
  unit: [0, 3],
  head: [0, 1],
  cylinderId: [0, 255],
  headId: [0, 255],
  record: [0, 255],
  sizeCode: [0, 255],
  lastRecord: [0, 255],
  dataLength: [0, 255],
  st1: [0, 255],
  st2: [0, 255],
  /** Whether the CRC of the sector in `data` is wrong. */
  bad: [0, 1],
  /** Sectors done, in READ TRACK, FORMAT TRACK and VERIFY. */
  done: [0, 256],
  /** The ST0 with which a drained command ends. */
  ending: [0, 255],
  /** Whether the host is asked to transfer bytes (non-DMA mode). */
  service: [0, 1],
  fifoHead: [0, FIFO_BYTES - 1],
  fifoCount: [0, FIFO_BYTES],
  dataAt: [0, 512],
  dataGoal: [0, 512],
  /** Stands for the disk's turning where time does not pass (instant timing). */
  turned: [0, 255],
} as const satisfies Record<string, readonly [number, number]>;

type NumberName = keyof typeof NUMBERS;
export type ControllerNumbers = { [K in NumberName]: number };

export interface ControllerState extends ControllerNumbers {
  readonly parameters: Uint8Array;
  readonly result: Uint8Array;
  readonly fifo: Uint8Array;
  /** The sector at work. */
  readonly data: Uint8Array;
}

const NAMES = Object.keys(NUMBERS) as NumberName[];

export function freshNumbers(): ControllerNumbers {
  return Object.fromEntries(NAMES.map((name) => [name, NUMBERS[name][0]])) as ControllerNumbers;
}

export function freshState(): ControllerState {
  return {
    ...freshNumbers(),
    parameters: new Uint8Array(PARAMETER_BYTES),
    result: new Uint8Array(RESULT_BYTES),
    fifo: new Uint8Array(FIFO_BYTES),
    data: new Uint8Array(512),
  };
}

export function numbersOf(state: ControllerState): ControllerNumbers {
  return Object.fromEntries(NAMES.map((name) => [name, state[name]])) as ControllerNumbers;
}

/** @throws {RangeError} for a number outside its range */
export function checkNumbers(numbers: ControllerNumbers): void {
  for (const name of NAMES) {
    const value = numbers[name];
    if (Number.isInteger(value) && value >= 0 && value <= NUMBERS[name][1]) continue;
    throw new RangeError(
      `Cannot restore the floppy controller: ${name} is ${value}, wanted 0 to ${NUMBERS[name][1]}`,
    );
  }
}
