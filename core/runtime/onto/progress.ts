/** How far what is re-issued has come: which entry may begin. */
import { isSoft, type LogEntry, type LoggedEnd, type OperationLog } from "./log.ts";

type Ending = Exclude<LogEntry, { what: "cancel" }>;

/** A write to a stream, or closing an end, that is under way. */
interface Pending {
  readonly ended: number;
  readonly over: Promise<void>;
}

export class Progress {
  /** Entries that came to an end, and such as did so when they were recorded. */
  finished = 0;
  readonly #over: Uint8Array;
  readonly #soft: Uint8Array;
  readonly #writes = new Map<LoggedEnd, Pending[]>();
  readonly #closings: Pending[] = [];
  /** Up to where all are over, and up to where all but soft ones are. */
  #all = 0;
  #hard = 0;

  constructor({ ended, entries }: OperationLog) {
    this.#over = new Uint8Array(ended);
    this.#soft = new Uint8Array(ended);
    for (const entry of entries) {
      if (entry.what !== "cancel" && entry.ended !== -1 && isSoft(entry)) {
        this.#soft[entry.ended] = 1;
      }
    }
  }

  /** Whether all that came to an end when it was recorded has done so. */
  get complete(): boolean {
    return this.#all === this.#over.length;
  }

  /** Notes that an entry came to its end. */
  note({ ended }: Ending): void {
    this.finished++;
    if (ended === -1) return;
    const over = this.#over;
    over[ended] = 1;
    while (over[this.#all] === 1) this.#all++;
    while (this.#hard < over.length && (over[this.#hard] === 1 || this.#soft[this.#hard] === 1)) {
      this.#hard++;
    }
  }

  /** Whether everything is over that an entry has to wait for, whatever end it is on. */
  allows({ after }: LogEntry): boolean {
    return this.#hard >= after;
  }

  /** The writes to some ends that were over before an entry began, and are not now. */
  writesBefore(ends: readonly LoggedEnd[], after: number): Promise<void>[] {
    return ends.flatMap((end) => before(this.#writes.get(end) ?? [], after));
  }

  /** The closings that were over before an entry began, and are not now. */
  closingsBefore(after: number): Promise<void>[] {
    return before(this.#closings, after);
  }

  /** A write to a stream is under way. */
  addWrite(end: LoggedEnd, ended: number, over: Promise<void>): void {
    let writes = this.#writes.get(end);
    if (writes === undefined) this.#writes.set(end, (writes = []));
    add(writes, { ended, over });
  }

  addClosing(ended: number, over: Promise<void>): void {
    add(this.#closings, { ended, over });
  }
}

function add(list: Pending[], pending: Pending): void {
  list.push(pending);
  void pending.over.then(() => list.splice(list.indexOf(pending), 1));
}

function before(list: readonly Pending[], after: number): Promise<void>[] {
  return list.flatMap(({ ended, over }) => (ended !== -1 && ended < after ? over : []));
}
