/**
 * How large a scenario and what it asks for may be. A file that somebody else wrote must not be
 * able to take all memory or run for ever by a few characters; whoever needs more writes a program.
 */
import { NS_PER_SECOND } from "../../core/clock.ts";

/** The scenario file itself. The largest of the examples has 2 KiB. */
export const FILE_BYTES_MAX = 1 << 20;
/** Values in a scenario after its aliases are expanded: refuses alias bombs. */
export const NODES_MAX = 100_000;
/** Levels of nesting of the file; blocks in blocks need four levels each. */
export const DEPTH_MAX = 64;
/** Blocks (`repeat`, `with`) inside each other. */
export const BLOCK_DEPTH_MAX = 12;

export const TASKS_MAX = 256;
export const DEVICES_MAX = 256;
export const LOCKS_MAX = 256;
export const INPUTS_MAX = 64;
export const VARS_MAX = 256;
/** Steps as written, of all tasks. */
export const STEPS_MAX = 10_000;
/** Steps as carried out by one run of a task, all repeats multiplied. */
export const STEPS_RUN_MAX = 10_000_000;
export const REPEAT_TIMES_MAX = 1_000_000;
export const TICKS_MAX = 1_000_000;
/** Instances of tasks that `spawn` may start in one run. */
export const INSTANCES_MAX = 10_000;
/** Connections that one step accepts: each has a task. */
export const CONNECTIONS_MAX = INSTANCES_MAX;

/** One input file; inputs are read whole and kept with the recording. */
export const INPUT_BYTES_MAX = 256 << 20;
/** A transfer of one step. */
export const TRANSFER_BYTES_MAX = 2 ** 40;
/** One operation of a transfer. */
export const CHUNK_BYTES_MAX = 16 << 20;
/** As large as the pipe of the default size, so that a transfer takes few operations. */
export const CHUNK_BYTES_DEFAULT = 64 << 10;
/** Everything that `read` and `copy` keep under names, in one run. */
export const KEPT_BYTES_MAX = 256 << 20;
/** 100 days, as for a timer's interval: longer waits are mistakes. */
export const DURATION_NS_MAX = 100 * 86_400 * NS_PER_SECOND;

export const NAME_LENGTH_MAX = 64;
export const TEXT_LENGTH_MAX = 65_536;
/** Issues reported of one file: the rest is counted. */
export const ISSUES_MAX = 20;
