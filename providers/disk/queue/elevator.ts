/**
 * Elevators: which of the requests in line goes next. All obey the rules of order of table.ts;
 * among those that may go,
 * - `fifo` takes the one that came first;
 * - `scan` goes up the disk and begins anew at the bottom (C-LOOK);
 * - `deadline` does so too, reads before writes, but first takes a read that is 500 ms old or a
 *   write that is 5 s old. After 16 reads in a row a write that waits has its turn, however many
 *   reads there are and however old they are: nobody waits for ever.
 */
import { ms, seconds } from "../../../core/provider/index.ts";
import { KIND, REQUESTS_MAX, STATE, type RequestTable } from "./table.ts";

export const ELEVATOR_NAMES = ["fifo", "scan", "deadline"] as const;
export type ElevatorName = (typeof ELEVATOR_NAMES)[number];
const [FIFO, SCAN] = [0, 1];

const READ_DEADLINE_NS = ms(500);
const WRITE_DEADLINE_NS = seconds(5);
const READS_IN_A_ROW_MAX = 16;
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
    if (elevator === FIFO) return this.#oldest(resource, ANY, Infinity);
    if (elevator === SCAN) return this.#upwards(resource, ANY);
    return this.#byDeadline(resource, nowNs);
  }

  #byDeadline(resource: number, nowNs: number): number {
    const isWritesTurn = this.#table.at(resource).passed >= READS_IN_A_ROW_MAX;
    const first = isWritesTurn ? KIND.WRITE : KIND.READ;
    const second = isWritesTurn ? KIND.READ : KIND.WRITE;
    let found = this.#oldest(resource, KIND.ALONE, Infinity);
    if (found === NONE) found = this.#overdue(resource, first, nowNs);
    if (found === NONE && isWritesTurn) found = this.#upwards(resource, first);
    if (found === NONE) found = this.#overdue(resource, second, nowNs);
    if (found === NONE) found = this.#upwards(resource, first);
    return found === NONE ? this.#upwards(resource, second) : found;
  }

  #overdue(resource: number, kind: number, nowNs: number): number {
    const limit = kind === KIND.READ ? READ_DEADLINE_NS : WRITE_DEADLINE_NS;
    return this.#oldest(resource, kind, nowNs - limit);
  }

  /** The first that came of those that were there by a time. */
  #oldest(resource: number, kind: number, bornNs: number): number {
    const table = this.#table;
    const first = resource * REQUESTS_MAX;
    let found = NONE;
    for (let slot = 0; slot < REQUESTS_MAX; slot++) {
      const at = first + slot;
      if (table.state[at] !== STATE.WAITING || table.bornNs[at]! > bornNs) continue;
      if (kind !== ANY && table.kind[at] !== kind) continue;
      if (found !== NONE && table.order[at]! > table.order[first + found]!) continue;
      if (!table.isBlocked(resource, slot)) found = slot;
    }
    return found;
  }

  /** The next from where the last command ended, else the lowest. */
  #upwards(resource: number, kind: number): number {
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
    return found === NONE ? lowest : found;
  }
}
