/**
 * Elevators: which of the requests in line goes next. All obey the rules of order of table.ts;
 * among those that may go,
 * - `fifo` takes the one that came first;
 * - `scan` goes up the disk and begins anew at the bottom (C-LOOK);
 * - `deadline` does so in batches of up to 16 reads or 16 writes, upwards. A batch begins with the
 *   oldest of its kind that is overdue (reads after 500 ms, writes after 5 s), else with the next
 *   upwards; reads go before writes, but after two batches of reads writes that wait have theirs.
 *   So nobody waits for ever, and a disk with more to do than it can goes upwards all the same.
 */
import { ms, seconds } from "../../../core/provider/index.ts";
import { KIND, REQUESTS_MAX, STATE, type RequestTable } from "./table.ts";

export const ELEVATOR_NAMES = ["fifo", "scan", "deadline"] as const;
export type ElevatorName = (typeof ELEVATOR_NAMES)[number];
const [FIFO, SCAN] = [0, 1];

const READ_DEADLINE_NS = ms(500);
const WRITE_DEADLINE_NS = seconds(5);
const BATCH_MAX = 16;
const READ_BATCHES_MAX = 2;
const ANY = -1;
const NONE = -1;

export class Elevator {
  readonly #table: RequestTable;

  constructor(table: RequestTable) {
    this.#table = table;
  }

  /** @returns the request that goes next, or -1 when none may go now */
  next(resource: number, nowNs: number): number {
    const { elevator } = this.#table.at(resource);
    if (elevator === FIFO) return this.#oldest(resource, ANY);
    if (elevator === SCAN) return this.#upwards(resource, ANY, true);
    return this.#byDeadline(resource, nowNs);
  }

  #byDeadline(resource: number, nowNs: number): number {
    const line = this.#table.at(resource);
    const alone = line.alones === 0 ? NONE : this.#oldest(resource, KIND.ALONE);
    if (alone !== NONE) return alone;
    if (line.batch > 0 && line.batch < BATCH_MAX) {
      const found = this.#upwards(resource, line.batchKind, false);
      if (found !== NONE) {
        this.#table.at(resource).batch += 1;
        return found;
      }
    }
    return this.#newBatch(resource, nowNs);
  }

  #newBatch(resource: number, nowNs: number): number {
    const read = this.#first(resource, KIND.READ, nowNs);
    const write = this.#first(resource, KIND.WRITE, nowNs);
    const line = this.#table.at(resource);
    const isReadsTurn = line.readBatches < READ_BATCHES_MAX;
    const isUrgent = this.#isOverdue(resource, write, nowNs);
    const isWriteFirst = isUrgent && !this.#isOverdue(resource, read, nowNs);
    const isRead = write === NONE || (read !== NONE && isReadsTurn && !isWriteFirst);
    if (!isRead) line.readBatches = 0;
    else if (write !== NONE) line.readBatches += 1;
    line.batchKind = isRead ? KIND.READ : KIND.WRITE;
    line.batch = 1;
    return isRead ? read : write;
  }

  /** What a batch of a kind would begin with. */
  #first(resource: number, kind: number, nowNs: number): number {
    const oldest = this.#oldest(resource, kind);
    const isOverdue = oldest === NONE || this.#isOverdue(resource, oldest, nowNs);
    return isOverdue ? oldest : this.#upwards(resource, kind, true);
  }

  #isOverdue(resource: number, slot: number, nowNs: number): boolean {
    if (slot === NONE) return false;
    const { kind, bornNs } = this.#table;
    const at = resource * REQUESTS_MAX + slot;
    const limit = kind[at] === KIND.READ ? READ_DEADLINE_NS : WRITE_DEADLINE_NS;
    return nowNs - bornNs[at]! >= limit;
  }

  /** The first that came. */
  #oldest(resource: number, kind: number): number {
    const table = this.#table;
    const first = resource * REQUESTS_MAX;
    let found = NONE;
    for (let slot = 0; slot < REQUESTS_MAX; slot++) {
      const at = first + slot;
      if (table.state[at] !== STATE.WAITING) continue;
      if (kind !== ANY && table.kind[at] !== kind) continue;
      if (found !== NONE && table.order[at]! > table.order[first + found]!) continue;
      if (!table.isBlocked(resource, slot)) found = slot;
    }
    return found;
  }

  /** The next from where the last command ended, else the lowest if it may begin anew. */
  #upwards(resource: number, kind: number, anew: boolean): number {
    const table = this.#table;
    const position = table.position[resource]!;
    const first = resource * REQUESTS_MAX;
    let found = NONE;
    let foundLba = Infinity;
    let lowest = NONE;
    let lowestLba = Infinity;
    for (let slot = 0; slot < REQUESTS_MAX; slot++) {
      const at = first + slot;
      if (table.state[at] !== STATE.WAITING) continue;
      if (kind !== ANY && table.kind[at] !== kind) continue;
      const lba = table.lba[at]!;
      const isAhead = lba >= position;
      if (lba >= (isAhead ? foundLba : lowestLba) || table.isBlocked(resource, slot)) continue;
      if (isAhead) {
        found = slot;
        foundLba = lba;
      } else {
        lowest = slot;
        lowestLba = lba;
      }
    }
    return found === NONE && anew ? lowest : found;
  }
}
