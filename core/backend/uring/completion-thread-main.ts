/**
 * The completion thread: opens a ring, so that it belongs to this thread, and then does nothing but
 * enter the kernel for it, until the owner says that it is over.
 *
 * The kernel is always asked for one completion more than the owner knows of. That number cannot
 * be had from the ring, because the owner reads on meanwhile; so the owner's progress is told to
 * the kernel from here, right before each call.
 */
import { workerData, type MessagePort } from "node:worker_threads";

import { ERRNO } from "../../errors.ts";
import { PARAMS, SYS_IO_URING_ENTER, SYS_IO_URING_REGISTER } from "./abi.ts";
import { CALL, CALL_PASS, STATE, WORD, tellEnd } from "./completion-thread-words.ts";
import { libc } from "./libc.ts";
import type { Obstacle } from "./obstacles.ts";
import { closeRing, openRing } from "./open-ring.ts";
import type { NoRing, WorkingRing } from "./open-ring.ts";
import type { UringSettings } from "./options.ts";
import { RingMessenger } from "./ring-message.ts";
import type { OpenRing, Refusal } from "./setup.ts";

/** What the thread is started with. */
export interface CompletionThreadTask {
  readonly words: Int32Array;
  readonly port: MessagePort;
  readonly settings: UringSettings;
}

/** What it answers: the ring's memory as views, and what the ring can do; or why there is none. */
export type CompletionThreadAnswer =
  | {
      readonly ring: Omit<OpenRing, "memory"> & {
        readonly memory: Omit<OpenRing["memory"], "release">;
      };
      readonly opcodes: ReadonlySet<number>;
      readonly cancel: WorkingRing["cancel"];
    }
  | {
      readonly obstacle: Obstacle;
      readonly opcodes: ReadonlySet<number> | undefined;
      readonly refused: readonly Refusal[];
      /** Whether it is messages between threads that the kernel lacks. */
      readonly messages: boolean;
    };

/** How often a refusal for want of room or memory is asked again before it is an error. */
const REFUSALS_MAX = 64;
const REFUSED_PAUSE_MS = 1;

class CompletionThread {
  readonly #words: Int32Array;
  readonly #working: WorkingRing;
  readonly #submissionHeadAt: number;
  readonly #submissionTailAt: number;
  readonly #completionHeadAt: number;
  readonly #completionTailAt: number;
  /** Completions up to here have been announced. */
  #announced: number;
  #refusals = 0;

  constructor(words: Int32Array, working: WorkingRing) {
    const { params } = working.ring;
    this.#words = words;
    this.#working = working;
    this.#submissionHeadAt = params[PARAMS.SQ_HEAD]! >> 2;
    this.#submissionTailAt = params[PARAMS.SQ_TAIL]! >> 2;
    this.#completionHeadAt = params[PARAMS.CQ_HEAD]! >> 2;
    this.#completionTailAt = params[PARAMS.CQ_TAIL]! >> 2;
    this.#announced = Atomics.load(working.core.rings, this.#completionTailAt);
  }

  /** Enters the kernel again and again, until the owner says stop. */
  run(): void {
    const words = this.#words;
    while (Atomics.load(words, WORD.STOP) === 0) {
      const wanted = Atomics.load(words, WORD.WANTED);
      Atomics.store(words, WORD.STATE, STATE.ENTERED);
      // From here on the owner rings, so whatever it left before is seen now.
      const asked = Atomics.load(words, WORD.CALL) === CALL.ASKED;
      if (asked) this.#answer();
      else if (Atomics.load(words, WORD.STOP) === 1) break;
      else if (this.#full() || Atomics.load(words, WORD.FAULT) !== 0) this.#park(wanted, Infinity);
      else if (this.#enter(1) < 0) this.#refused(wanted);
      else this.#refusals = 0;
      Atomics.store(words, WORD.STATE, STATE.LOOKING);
      this.#announce();
    }
  }

  /** Whether the queue has no place left for what the owner does not know of. */
  #full(): boolean {
    const { ring } = this.#working;
    return ((this.#announced - this.#reaped()) | 0) >= ring.completionEntries && !this.#prepared();
  }

  #reaped(): number {
    return Atomics.load(this.#words, WORD.REAPED);
  }

  #prepared(): number {
    const { rings } = this.#working.core;
    const head = Atomics.load(rings, this.#submissionHeadAt);
    return (Atomics.load(rings, this.#submissionTailAt) - head) | 0;
  }

  /** Hands over, and waits for so many new completions. @returns as io_uring_enter does */
  #enter(wait: number): number {
    const { core, ring } = this.#working;
    const reaped = this.#reaped();
    Atomics.store(core.rings, this.#completionHeadAt, reaped);
    const known = (this.#announced - reaped) | 0;
    const least = wait === 0 || known >= ring.completionEntries ? 0 : known + wait;
    const { enterFd, enterFlags } = core;
    return core.enterCall(SYS_IO_URING_ENTER, enterFd, this.#prepared(), least, enterFlags, 0, 0);
  }

  #announce(): void {
    const tail = Atomics.load(this.#working.core.rings, this.#completionTailAt);
    if (tail === this.#announced) return;
    this.#announced = tail;
    this.#tell();
  }

  #tell(): void {
    Atomics.add(this.#words, WORD.SEQUENCE, 1);
    Atomics.notify(this.#words, WORD.SEQUENCE);
  }

  #park(wanted: number, timeoutMs: number): void {
    Atomics.store(this.#words, WORD.STATE, STATE.PARKED);
    Atomics.wait(this.#words, WORD.WANTED, wanted, timeoutMs);
  }

  /** The kernel was interrupted, or lacks room or memory, which the owner's reading may give. */
  #refused(wanted: number): void {
    const errno = libc().errno();
    if (errno === ERRNO.EINTR) return;
    this.#announce();
    const passing = errno === ERRNO.EAGAIN || errno === ERRNO.EBUSY;
    if (passing && ++this.#refusals <= REFUSALS_MAX) return this.#park(wanted, REFUSED_PAUSE_MS);
    Atomics.store(this.#words, WORD.FAULT, errno);
    this.#tell();
  }

  /** Makes a call for the owner. */
  #answer(): void {
    const words = this.#words;
    const operation = Atomics.load(words, WORD.CALL_OPERATION);
    let result: number;
    // What was handed over before is in the kernel's hands before the call.
    result = this.#enter(0);
    if (operation !== CALL_PASS) {
      const low = Atomics.load(words, WORD.CALL_ADDRESS) >>> 0;
      const address = low + Atomics.load(words, WORD.CALL_ADDRESS + 1) * 4294967296;
      const count = Atomics.load(words, WORD.CALL_COUNT);
      const { fd } = this.#working.ring;
      result = libc().register(SYS_IO_URING_REGISTER, fd, operation, address, count);
    }
    Atomics.store(words, WORD.CALL_RESULT, result < 0 ? -libc().errno() : result);
    this.#announce();
    Atomics.store(words, WORD.CALL, CALL.ANSWERED);
    Atomics.notify(words, WORD.CALL);
  }
}

/** Whether this kernel carries messages between threads: tried on the ring itself. */
function carriesMessages({ core }: WorkingRing): boolean {
  if (new RingMessenger(core.fd).send() < 0) return false;
  core.enter(1);
  core.skipOwn();
  return true;
}

function open(settings: UringSettings): WorkingRing | (NoRing & { messages: boolean }) {
  const found = openRing(settings, { now: () => 0 });
  if ("obstacle" in found) return { ...found, messages: false };
  if (settings.faults.messages !== "refuse" && carriesMessages(found)) return found;
  closeRing(found.ring, found.core);
  const obstacle: Obstacle = {
    code: "ERR_UNSUPPORTED",
    found: "a kernel that carries no messages between threads",
    wanted: "IORING_REGISTER_SEND_MSG_RING",
    mend: "Use Linux 6.13 or newer, or leave completions to the loop",
    fatal: true,
  };
  const { opcodes, ring } = found;
  return { obstacle, opcodes, ring: undefined, refused: ring.refused, messages: true };
}

function main({ words, port, settings }: CompletionThreadTask): void {
  try {
    const found = open(settings);
    if ("obstacle" in found) {
      const { obstacle, opcodes, refused, messages } = found;
      port.postMessage({ obstacle, opcodes, refused, messages } satisfies CompletionThreadAnswer);
      return;
    }
    const { ring, opcodes, cancel, core } = found;
    const { release: _ours, ...memory } = ring.memory;
    const answer: CompletionThreadAnswer = { ring: { ...ring, memory }, opcodes, cancel };
    port.postMessage(answer);
    Atomics.store(words, WORD.REAPED, core.completions.head);
    const thread = new CompletionThread(words, found);
    Atomics.store(words, WORD.STATE, STATE.LOOKING);
    Atomics.notify(words, WORD.STATE);
    thread.run();
    closeRing(ring, core);
  } finally {
    port.close();
    tellEnd(words);
  }
}

main(workerData as CompletionThreadTask);
