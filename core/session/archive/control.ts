/**
 * The words that the program's thread and the archiving Worker share, and the text in which the
 * Worker says how it ended. Waiting on them needs no event loop on either side.
 */

/** Words of the shared memory. */
export const CONTROL = {
  /** Rises whenever there is something to look at for the Worker. */
  SIGNAL: 0,
  /** Rises whenever there is something to look at for the program's thread. */
  ANSWER: 1,
  /** How many frames are sealed. */
  SEALED: 2,
  /** How many of them the Worker has taken into the database. */
  COMMITTED: 3,
  /** One of {@link ARCHIVE_STATE}. */
  STATE: 4,
  /** 1 when the Worker is to finish what there is and let go of the file. */
  CLOSE: 5,
  /** The Worker's id among the process's threads, once it runs. */
  THREAD: 6,
  REPORT_LENGTH: 7,
} as const;
const WORDS = 16;
const REPORT_AT = WORDS * 4;
const REPORT_BYTES = 16_384;

export const ARCHIVE_STATE = {
  STARTING: 0,
  RUNNING: 1,
  /** All that was sealed is in the file, which is closed. */
  CLOSED: 2,
  /** The report says why; the file is closed. */
  FAILED: 3,
  /** The program's thread does the Worker's work. */
  TAKEN: 4,
} as const;

/** An error on its way between threads. */
export interface ReportedError {
  readonly message: string;
  readonly mend: string | undefined;
  readonly cause: unknown;
}

/** The shared words, from either side. */
export class ArchiveControl {
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;

  constructor(memory = new SharedArrayBuffer(REPORT_AT + REPORT_BYTES)) {
    this.memory = memory;
    this.words = new Int32Array(memory, 0, WORDS);
  }

  load(word: number): number {
    return Atomics.load(this.words, word);
  }

  store(word: number, value: number): void {
    Atomics.store(this.words, word, value);
  }

  /** Stores a value where there is the expected one. @returns whether it was */
  swap(word: number, expected: number, value: number): boolean {
    return Atomics.compareExchange(this.words, word, expected, value) === expected;
  }

  /** Wakes the other side. @param word SIGNAL or ANSWER */
  ring(word: number): void {
    Atomics.add(this.words, word, 1);
    Atomics.notify(this.words, word);
  }

  /** Waits until a word is no longer what it was, or the time is over. */
  wait(word: number, seen: number, timeoutMs: number): void {
    Atomics.wait(this.words, word, seen, timeoutMs);
  }

  report(error: ReportedError): void {
    const text = new TextEncoder().encode(JSON.stringify(error));
    // What is cut off cannot be read again: an error of that size says at least that it happened.
    const length = text.length <= REPORT_BYTES ? text.length : 0;
    new Uint8Array(this.memory, REPORT_AT, length).set(text.subarray(0, length));
    this.store(CONTROL.REPORT_LENGTH, length);
  }

  reported(): ReportedError {
    const length = this.load(CONTROL.REPORT_LENGTH);
    const text = new TextDecoder().decode(new Uint8Array(this.memory, REPORT_AT, length).slice());
    if (text === "") return { message: "it failed", mend: undefined, cause: "" };
    return JSON.parse(text) as ReportedError;
  }
}
