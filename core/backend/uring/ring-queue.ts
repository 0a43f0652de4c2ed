/**
 * The two queues of a ring and the system call between them: taking submission entries, entering
 * the kernel, and what to do when it takes only some of them or none.
 *
 * Memory order: the kernel publishes completions by moving the completion tail and takes their
 * places back by our head, so those two go through Atomics, once per batch. Plain accesses are
 * enough where the kernel looks inside our own system call only: for the submission tail (there is
 * no polling kernel thread), for the head too when task runs are deferred, and for the flags, which
 * are loaded after the atomic load of the tail.
 */
import { ERRNO, ReelError } from "../../errors.ts";
import type { BackendCounters } from "../contract.ts";
import {
  ENTER_EXT_ARG,
  ENTER_GETEVENTS,
  ENTRY,
  ENTRY_WORDS_SHIFT,
  GETEVENTS_ARG_BYTES,
  PARAMS,
  SETUP_FLAG,
  SQ_CQ_OVERFLOW,
  SQ_TASKRUN,
  SYS_IO_URING_ENTER,
} from "./abi.ts";
import { AtHandTable } from "./at-hand.ts";
import { BufferGroups } from "./buffer-groups.ts";
import { Backlog, Completions } from "./completions.ts";
import { enterError } from "./enter-error.ts";
import { libc } from "./libc.ts";
import { Lookups } from "./lookups.ts";
import type { EnterCall } from "./libc.ts";
import type { UringFaults } from "./options.ts";
import { PinnedMemories } from "./pinned-memory.ts";
import { registerAt } from "./registration.ts";
import type { RegisterCall } from "./registration.ts";
import { RequestTable } from "./requests.ts";
import { RingFiles } from "./ring-files.ts";
import type { OpenRing } from "./setup.ts";
import { LimitTimes, TimeArgument } from "./time-argument.ts";
import type { OwnListener } from "./user-data.ts";

/** How often a refusal for want of room or memory is asked again before it is an error. */
const REFUSALS_MAX = 64;

export class RingQueue {
  /** The descriptor that opened the ring, and the number and flags that enter it. */
  readonly fd: number;
  enterFd: number;
  enterFlags: number = ENTER_GETEVENTS;
  readonly register: RegisterCall;
  readonly enterCall: EnterCall;
  readonly enterErrno: () => number;

  // Shared with the kernel. Replaced by empty views at close, before mapped memory goes away.
  rings: Int32Array;
  entries: Int32Array;
  entryDoubles: Float64Array;
  // Word numbers within `rings`.
  readonly submissionHeadAt: number;
  readonly submissionTailAt: number;
  readonly flagsAt: number;
  readonly completionHeadAt: number;
  readonly completionTailAt: number;
  readonly completionFlagsAt: number;
  readonly mask: number;
  /** Places in the submission queue; 0 once the ring is closed, so that nothing fits. */
  capacity: number;
  /** Prepared up to here, and taken by the kernel up to here. */
  tail = 0;
  head = 0;
  /** Completions of the ring, and those that had to leave it unread: the older ones. */
  readonly completions: Completions;
  readonly backlog = new Backlog();

  readonly requests: RequestTable;
  readonly pinned = new PinnedMemories();
  readonly lookups: Lookups;
  readonly files = new RingFiles();
  readonly groups: BufferGroups;
  readonly atHand: AtHandTable;
  readonly time = new TimeArgument();
  readonly limitTimes: LimitTimes;
  /** Requests of the sink's, and of our own, that have no last completion yet. */
  inFlight = 0;
  ownInFlight = 0;
  /** Whether completions appear in a system call of ours only. */
  readonly deferred: boolean;
  /** Whether the kernel says when such a call is due. */
  readonly tellsWhenDue: boolean;
  onOwn: OwnListener = () => {};
  readonly counters: BackendCounters = {
    submitted: 0,
    completed: 0,
    enters: 0,
    overflows: 0,
    stale: 0,
    interrupts: 0,
  };

  constructor(ring: OpenRing, slots: number, faults: UringFaults) {
    const { params, memory } = ring;
    this.fd = ring.fd;
    this.enterFd = ring.fd;
    this.register = ring.register ?? registerAt(ring.fd);
    const faulty = faults.enter === undefined ? undefined : faultyEnter(faults.enter);
    this.enterCall = faulty?.call ?? libc().enter;
    this.enterErrno = faulty?.errno ?? libc().errno;
    this.rings = memory.rings;
    this.entries = memory.entries;
    this.entryDoubles = memory.entryDoubles;
    this.submissionHeadAt = params[PARAMS.SQ_HEAD]! >> 2;
    this.submissionTailAt = params[PARAMS.SQ_TAIL]! >> 2;
    this.flagsAt = params[PARAMS.SQ_FLAGS]! >> 2;
    this.completionHeadAt = params[PARAMS.CQ_HEAD]! >> 2;
    this.completionTailAt = params[PARAMS.CQ_TAIL]! >> 2;
    this.completionFlagsAt = params[PARAMS.CQ_FLAGS]! >> 2;
    this.completions = new Completions(
      memory.rings,
      params[PARAMS.CQ_CQES]! >> 2,
      ring.completionEntries - 1,
    );
    this.mask = ring.entries - 1;
    this.limitTimes = new LimitTimes(ring.entries);
    this.capacity = ring.entries;
    this.requests = new RequestTable(slots);
    this.lookups = new Lookups(this.requests, this.pinned, this.backlog, faults.resolver);
    this.atHand = new AtHandTable(this.register, faults.atHand);
    this.files.onRegisteredGone = (number) => this.atHand.removeFile(number);
    this.groups = new BufferGroups(this.register, faults.bufferGroups === "refuse");
    this.deferred = (ring.flags & SETUP_FLAG.DEFER_TASKRUN) !== 0;
    this.tellsWhenDue = (ring.flags & SETUP_FLAG.TASKRUN_FLAG) !== 0;
  }

  /** Takes the next submission entry. @returns its first word */
  take(userData: number, sequence: number): number {
    if (((this.tail - this.head) | 0) >= this.capacity) this.makeRoom();
    const at = (this.tail & this.mask) << ENTRY_WORDS_SHIFT;
    this.entries[at + ENTRY.USER_DATA] = userData;
    this.entries[at + ENTRY.USER_DATA + 1] = sequence;
    this.tail = (this.tail + 1) | 0;
    return at;
  }

  /** Takes the next submission entry, cleared, for a request of our own. @returns its first word */
  takeOwn(kind: number, sequence: number): number {
    const at = this.take(kind, sequence);
    this.entries.fill(0, at, at + ENTRY.USER_DATA);
    this.entries[at + ENTRY.FD] = -1;
    this.entries[at + ENTRY.BUFFER] = 0;
    this.entries[at + ENTRY.FILE_INDEX] = 0;
    this.ownInFlight++;
    return at;
  }

  /**
   * Hands over what is prepared and runs completions that are due, in one system call.
   * @param wait completions to wait for: 0 or 1. A signal may end the wait without any.
   * @throws {ReelError} when the kernel refuses for good
   */
  enter(wait: number): void {
    const count = (this.tail - this.head) | 0;
    this.rings[this.submissionTailAt] = this.tail;
    this.counters.enters++;
    const fd = this.enterFd;
    const taken = this.enterCall(SYS_IO_URING_ENTER, fd, count, wait, this.enterFlags, 0, 0);
    if (taken === count) this.head = this.tail;
    else this.#recover(count, taken);
  }

  /** As {@link enter} with a wait for one completion, but for so many nanoseconds at most. */
  enterFor(timeoutNs: number): void {
    this.time.setWait(timeoutNs);
    const count = (this.tail - this.head) | 0;
    this.rings[this.submissionTailAt] = this.tail;
    this.counters.enters++;
    const taken = this.enterCall(
      SYS_IO_URING_ENTER,
      this.enterFd,
      count,
      1,
      this.enterFlags | ENTER_EXT_ARG,
      this.time.argumentAddress,
      GETEVENTS_ARG_BYTES,
    );
    if (taken === count) this.head = this.tail;
    else this.#recover(count, taken);
  }

  /** Makes at least one place in the submission queue, or throws. */
  makeRoom(): void {
    if (this.capacity === 0) {
      throw new ReelError("ERR_CLOSED", "Cannot prepare a request: the io_uring backend is closed");
    }
    this.enter(0);
  }

  /** Whether completions can be read without entering the kernel. */
  ready(): boolean {
    return this.backlog.count > 0 || this.completions.head !== this.completionTail();
  }

  /** Whether a system call may bring completions that nothing else announces. */
  due(): boolean {
    if (this.tellsWhenDue || !this.deferred) {
      return (this.rings[this.flagsAt]! & (SQ_TASKRUN | SQ_CQ_OVERFLOW)) !== 0;
    }
    return this.inFlight + this.ownInFlight > 0;
  }

  completionTail(): number {
    return Atomics.load(this.rings, this.completionTailAt);
  }

  /** Lets go of the ring's memory: nothing fits and nothing comes any more. */
  forget(): void {
    this.capacity = 0;
    this.rings = new Int32Array(0);
    this.completions.words = this.rings;
    this.entries = new Int32Array(0);
    this.entryDoubles = new Float64Array(0);
  }

  /** Moves every completion from the ring into the backlog, so that the kernel has room. */
  putAside(): void {
    this.backlog.takeAll(this.completions, this.completionTail());
    this.publishHead();
  }

  /** Tells the kernel how far its completions have been read. */
  publishHead(): void {
    if (this.deferred) this.rings[this.completionHeadAt] = this.completions.head;
    else Atomics.store(this.rings, this.completionHeadAt, this.completions.head);
  }

  /**
   * Deals with a system call that did not simply take everything, and submits the rest: the kernel
   * stops at a bad request (without SUBMIT_ALL), and takes none while it lacks room or memory.
   */
  #recover(submitted: number, result: number): void {
    let count = submitted;
    let taken = result;
    for (let refusals = 0; ;) {
      if (taken >= 0) {
        // The ring says how far the kernel has come.
        this.head = Atomics.load(this.rings, this.submissionHeadAt);
        if (this.head === this.tail) return;
        if (taken === 0 && ++refusals > REFUSALS_MAX) throw enterError(ERRNO.EAGAIN);
      } else {
        const errno = this.enterErrno();
        // The time to wait is over, or a signal came: there was nothing to submit, so that is all.
        if (errno === ERRNO.ETIME) return;
        if (errno === ERRNO.EINTR && count === 0) return;
        const passing = errno === ERRNO.EAGAIN || errno === ERRNO.EBUSY || errno === ERRNO.EINTR;
        if (!passing || ++refusals > REFUSALS_MAX) throw enterError(errno);
        this.putAside();
      }
      count = (this.tail - this.head) | 0;
      this.rings[this.submissionTailAt] = this.tail;
      this.counters.enters++;
      taken = this.enterCall(SYS_IO_URING_ENTER, this.enterFd, count, 0, this.enterFlags, 0, 0);
    }
  }
}

/** The system call with simulated failures before it. */
function faultyEnter(fault: (submit: number, wait: number) => number): {
  call: EnterCall;
  errno: () => number;
} {
  const { enter, errno } = libc();
  let simulated = 0;
  return {
    call: (number, fd, submit, wait, flags, argument, argumentBytes) => {
      simulated = fault(submit, wait);
      if (simulated !== 0) return -1;
      return enter(number, fd, submit, wait, flags, argument, argumentBytes);
    },
    errno: () => (simulated === 0 ? errno() : simulated),
  };
}
