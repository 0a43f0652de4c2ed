/**
 * Takes a ring down without leaving the kernel anything to write to.
 *
 * Closing the ring's descriptor is no barrier: requests in flight go on and write into memory that
 * may by then belong to others. So everything is cancelled first, and reaped to the last one.
 */
import { hostMonotonicNs, ms } from "../../clock.ts";
import { OPCODE } from "../contract.ts";
import type { Sink } from "../contract.ts";
import { ENTRY, ENTRY_WORDS_SHIFT } from "./abi.ts";
import { cancelAll } from "./cancel.ts";
import type { CancelFeatures } from "./cancel.ts";
import { IDLE } from "./requests.ts";
import type { RingCore } from "./ring-core.ts";
import { letGo } from "./submission.ts";

/** A request that a cancellation missed, because it was between two states, is asked again. */
const ASK_AGAIN_NS = ms(50);

/** Nobody is told of what ends while the ring goes down. */
const DEAF: Sink = { turn() {}, complete() {}, interrupt() {}, expire() {}, input() {} };

/**
 * Ends everything in flight.
 * @returns whether all of it ended in time; if not, its memory must never be used again
 */
export function drain(core: RingCore, features: CancelFeatures, timeoutMs: number): boolean {
  dropUnsubmitted(core);
  const giveUpNs = hostMonotonicNs() + ms(timeoutMs);
  for (let asked = false; ; asked = true) {
    core.turned = false;
    core.reap(DEAF, Infinity);
    if (core.inFlight === 0 && core.ownInFlight === 0) return true;
    if (asked && hostMonotonicNs() > giveUpNs) return false;
    cancelAll(core, features);
    core.enterFor(ASK_AGAIN_NS);
  }
}

/** Takes back what was prepared but never handed over: it must not happen after all. */
function dropUnsubmitted(core: RingCore): void {
  const { requests, files, groups, entries } = core;
  while (core.tail !== core.head) {
    core.tail = (core.tail - 1) | 0;
    const at = (core.tail & core.mask) << ENTRY_WORDS_SHIFT;
    const slot = entries[at + ENTRY.USER_DATA]!;
    const generation = entries[at + ENTRY.USER_DATA + 1]!;
    if (slot < 0) {
      core.ownInFlight--;
      continue;
    }
    core.inFlight--;
    if (requests.generations[slot] !== generation) {
      const orphan = requests.findOrphan(slot, generation, true);
      files.letGo(orphan?.file ?? -1);
      files.letGo(orphan?.from ?? -1);
      groups.letGo(orphan?.group ?? -1);
      continue;
    }
    requests.generations[slot] = IDLE;
    if (requests.opcodes[slot] !== OPCODE.NOP) letGo(core, slot);
  }
}
