/**
 * The rows of the feature table that ioreel has to prove, each with its meaning in one line. Tests
 * name the rows that they prove in their titles; `bun run rows` puts the two together.
 */

export interface Row {
  id: string;
  meaning: string;
  /** The row belongs to a part of ioreel that comes later. */
  later?: boolean;
}

/** Model 0 to 2: readiness, callbacks, waiter states. */
const MODELS: readonly Row[] = [
  { id: "M0.1", meaning: "Readiness: wait for events with a deadline; data moves in a later call" },
  { id: "M0.2", meaning: "A deadline of 0 only looks; spurious wakes re-bind; count plus flags" },
  { id: "M1.1", meaning: "Closures in an enum, kept as a baseline: allocates at each transition" },
  { id: "M2.1", meaning: "wait(), sleep, complete(); false waits again, true ends for good" },
  { id: "M2.2", meaning: "Bind, sleep or poll, unbind, complete; the result is yielded once" },
  { id: "M2.3", meaning: "One state object per operation; no allocation per transition" },
  {
    id: "M2.4",
    meaning: "Wait on a list: empty is refused, the complete are skipped, timeouts end it",
  },
  {
    id: "M2.5",
    meaning: "ATA: Acquire, IoActive, Done; DMA only under the lock; busy means wait on",
  },
  { id: "M2.6", meaning: "An uncontended lock completes without suspending" },
  {
    id: "M2.7",
    meaning: "The held lock is taken once, released on drop, handed over in FIFO order",
  },
  { id: "M2.8", meaning: "A dropped waiter leaves the queue; a hand-over that reached it goes on" },
  {
    id: "M2.9",
    meaning: "An event triggered before the wait is not lost; several waiters are served",
  },
];

/** Attempt 2: descriptors and the four calls. */
const CALLS: readonly Row[] = [
  { id: "A2.1", meaning: "A descriptor holds handle, state, position, direction and data" },
  {
    id: "A2.2",
    meaning: "A kernel descriptor holds provider, handle and frozen buffer, state inline",
  },
  { id: "A2.3", meaning: "asyncStart returns once queued and the buffer is locked, with a handle" },
  { id: "A2.4", meaning: "asyncWait returns when at least one is complete, and consumes nothing" },
  {
    id: "A2.5",
    meaning: "asyncCancel requests; one terminal state; the buffer stays locked until it",
  },
  {
    id: "A2.6",
    meaning: "asyncRelease returns the bytes of the lifetime; stale handles are refused",
  },
  {
    id: "A2.7",
    meaning: "Freezing: readers share, a writer excludes, a write while frozen is found",
  },
  { id: "A2.8", meaning: "One waiter serves many operations; a second waiter is defined" },
  { id: "A2.9", meaning: "Many operations complete into one queue, each once" },
  { id: "A2.10", meaning: "An operation re-arms itself from queued buffers, without a gap" },
];

/** Attempt 3: waiters, buffers, stacks, and the compositions. */
const STACKS: readonly Row[] = [
  { id: "W1", meaning: "A fixed number of slots, allocated up front; beyond it is an error" },
  { id: "W2", meaning: "A waiter handle signals once; twice is an error, dropping it live too" },
  { id: "W3", meaning: "Waiting gives nothing only when nothing is outstanding" },
  { id: "W4", meaning: "One registration per object, removed on every way out" },
  { id: "B1", meaning: "A borrowed buffer aliases the caller's memory" },
  { id: "B2", meaning: "A user buffer holds its freeze for its whole life" },
  { id: "B3", meaning: "An owned buffer is readable after completion" },
  { id: "B4", meaning: "The borrow is clear when the completion is delivered" },
  { id: "B5", meaning: "Disposing of a borrowed buffer throws; its memory is not reused" },
  { id: "B6", meaning: "A short buffer is copied before the call returns" },
  { id: "S1", meaning: "A bounded stack of 127 words per operation" },
  { id: "S2", meaning: "An exhausted stack is extended, and given back when popped" },
  { id: "S3", meaning: "Layers push only; waiting keeps, a result pops and passes down" },
  { id: "S4", meaning: "The continuation is pushed before the lock is asked for; acks match" },
  {
    id: "O1",
    meaning: "Chained: a fragmented file is read extent by extent, in order",
    later: true,
  },
  { id: "O2", meaning: "Nested: a disk in a file on a disk, to any depth", later: true },
  { id: "O3", meaning: "Parallel: stripes overlap, the first error wins", later: true },
  { id: "O4", meaning: "Sockets are waitable like disks, without allocation" },
  { id: "O5", meaning: "Operations compose through dynamic dispatch", later: true },
  { id: "O6", meaning: "A cancellation hook runs if dropped before ready", later: true },
  { id: "O7", meaning: "Concurrent readers of one cached block make one disk read", later: true },
];

/** The executor over io_uring. */
const EXECUTOR: readonly Row[] = [
  { id: "X1", meaning: "A pool of N threads; a task is never on two at once" },
  { id: "X2", meaning: "A task holds its thread during a poll; scheduling is cooperative" },
  { id: "X3", meaning: "Submit, set the task aside, run another; the last poller is woken" },
  { id: "X4", meaning: "A dedicated completion thread, woken for shutdown" },
  { id: "X5", meaning: "Completion puts the task back in FIFO order; wakes coalesce" },
  { id: "X6", meaning: "run() ends with its root; what becomes of the other tasks is chosen" },
  { id: "X7", meaning: "spawn() starts unawaited; dropping the handle detaches" },
  { id: "X8", meaning: "cancel() settles after cleanup; groups cancel and await their children" },
  { id: "X9", meaning: "An operation that borrows memory is cancelled and awaited" },
  { id: "X10", meaning: "Sleeps count from the call, never end early, share one timeout" },
  { id: "X11", meaning: "timeout and race poll left to right and drop the losers" },
  { id: "X12", meaning: "yieldNow lets the other ready tasks run first" },
  { id: "X13", meaning: "A task that throws is seen by its joiner or fails the run" },
  { id: "X14", meaning: "Shutdown tokens are sticky; a set of them waits for all" },
  { id: "X15", meaning: "A lock cancelled inside a mutation is poisoned" },
  { id: "X16", meaning: "Positioned file operations leave the cursor alone", later: true },
];

/** The executor without a heap: interrupts. */
const INTERRUPTS: readonly Row[] = [
  { id: "C1", meaning: "Tasks are static; nothing is allocated after the start" },
  { id: "C2", meaning: "A fixed number of interrupt lines, each with its waker list" },
  { id: "C3", meaning: "Wakers are intrusive nodes in FIFO order, linked and unlinked in O(1)" },
  { id: "C4", meaning: "A dropped node removes itself, also during a pass" },
  { id: "C5", meaning: "A pass wakes those present at its start, each task once" },
  { id: "C6", meaning: "An interrupt during a poll is pended and coalesced" },
  { id: "C7", meaning: "The waiter registers before it enables the line" },
  { id: "C8", meaning: "A level-triggered source is cleared by its handler" },
  { id: "C9", meaning: "A start inside a start leaves the outer task current" },
  { id: "C10", meaning: "Channel, mutex and condvar wake whom they block" },
];

/** Stackless coroutines: futures, tasks, pipes. */
const COROUTINES: readonly Row[] = [
  { id: "K1", meaning: "Polling is the only progress; a result is given once" },
  { id: "K2", meaning: "A parent is pending exactly while its child is" },
  { id: "K3", meaning: "A completed child is never polled again; its value is kept" },
  { id: "K4", meaning: "A waker names the outermost task; wakes are idempotent" },
  { id: "K5", meaning: "A global FIFO of tasks, each in it at most once" },
  { id: "K6", meaning: "Hooks run around every poll, in LIFO order, also on a throw" },
  { id: "K7", meaning: "Switching tasks is invisible inside them" },
  { id: "K8", meaning: "A pipe drains before its end; closing wakes both sides" },
  { id: "K9", meaning: "Writing to a closed pipe is EPIPE, partial writes are defined" },
  { id: "K10", meaning: "Two readers of one pipe both finish" },
  { id: "K11", meaning: "A wait can be interrupted; a spurious poll is not an interruption" },
  { id: "K12", meaning: "yield is pending exactly once" },
  { id: "K13", meaning: "The current waker is to be had without suspending" },
  { id: "K14", meaning: "Select is biased by index and drops its losers" },
  { id: "K15", meaning: "Join waits for all and keeps their results" },
  { id: "K16", meaning: "A past deadline is ready at once; a result beats its timeout on a tie" },
  { id: "K17", meaning: "A cancelled waiter does not swallow a wake" },
  { id: "K18", meaning: "Every suspension unwinds through the hooks and restores their state" },
];

/** All rows, in the order of the table. */
export const ROWS: readonly Row[] = [
  ...MODELS,
  ...CALLS,
  ...STACKS,
  ...EXECUTOR,
  ...INTERRUPTS,
  ...COROUTINES,
];
