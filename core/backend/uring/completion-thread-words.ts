/**
 * The words of shared memory by which a completion thread and the thread that owns its ring speak
 * with each other. Every access goes through Atomics.
 *
 * The owner prepares requests and reads completions in the ring's own memory; the completion thread
 * alone enters the kernel. Nobody may miss the other's last word: the completion thread says that
 * it is about to enter ({@link STATE}), then looks for work once more; the owner leaves work, then
 * looks at the state and sends a message if that says so.
 */
export const WORD = {
  /** What the completion thread does: one of {@link STATE}. */
  STATE: 0,
  /** Counts up whenever completions have appeared. The owner sleeps on it. */
  SEQUENCE: 1,
  /** How far the owner has read completions. The completion thread tells the kernel. */
  REAPED: 2,
  /** Counts up whenever the owner wants something. A parked completion thread sleeps on it. */
  WANTED: 3,
  /** A call that only the ring's thread may make: one of {@link CALL}. The caller sleeps on it. */
  CALL: 4,
  CALL_OPERATION: 5,
  CALL_ADDRESS: 6, // two words, low first
  CALL_COUNT: 8,
  CALL_RESULT: 9,
  /** Error number for which the kernel refused to be entered, or 0. */
  FAULT: 10,
  /** 1 once the ring is to be closed. */
  STOP: 11,
  COUNT: 16,
} as const;

export const STATE = {
  /** The thread is not there yet. The owner sleeps on it while it opens the ring. */
  STARTING: 0,
  /** It looks for work, and needs no call. */
  LOOKING: 1,
  /** It is in the kernel, or about to be: only a message to the ring brings it back. */
  ENTERED: 2,
  /** The same, and a message was sent. */
  CALLED_BACK: 3,
  /** It sleeps on WANTED: the completion queue is full, or the kernel refused. */
  PARKED: 4,
  /** The ring is closed, or could not be opened: nothing follows. */
  ENDED: 5,
} as const;

export const CALL = { NONE: 0, ASKED: 1, ANSWERED: 2 } as const;

/** In place of a register operation: hand over what is prepared and run what is due. */
export const CALL_PASS = -1;

/** Says that the thread is over, to whoever waits for it in whichever way. */
export function tellEnd(words: Int32Array): void {
  Atomics.store(words, WORD.STATE, STATE.ENDED);
  Atomics.add(words, WORD.SEQUENCE, 1);
  for (const word of [WORD.STATE, WORD.CALL, WORD.SEQUENCE]) Atomics.notify(words, word);
}
