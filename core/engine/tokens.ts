/**
 * The numbers by which layers and the engine understand each other. A wait is one of the WAIT_
 * numbers of the descriptor layout, a move one of those below: they never coincide, so that one
 * can never pass for the other.
 */
import { ERRNO, REEL_ERROR_NUMBERS } from "../errors.ts";

/** What the context's token says before the layer has asked for anything: which call this is. */
export const PHASE_WAIT = 0;
export const PHASE_COMPLETE = -1;
/** In `cancel` and `late` a layer has effects only. */
export const PHASE_END = -2;

export const MOVE_AGAIN = 16;
export const MOVE_DONE = 17;
export const MOVE_FAIL = 18;
export const MOVE_CALL = 19;
export const MOVE_JOIN = 20;

/** Results of slots on the ready list that are none: `wait` is to be called, not `complete`. */
export const RESULT_BEGIN = -0x7fffffff;
/** ... and: the result is the sum of the forks, which 32 bits may not hold. */
export const RESULT_JOINED = -0x7ffffffe;

/** The result of an operation whose cancellation succeeded. */
export const CANCELLED_RESULT = -ERRNO.ECANCELED;
export const TIMED_OUT_RESULT = -ERRNO.ETIME;
export const FAULT_RESULT = -REEL_ERROR_NUMBERS.ERR_PROVIDER_FAULT;
export const TOO_DEEP_RESULT = -REEL_ERROR_NUMBERS.ERR_STACK_TOO_DEEP;
