/**
 * Opens a ring with the best flags that the kernel takes.
 *
 * Unknown flags are refused with EINVAL, which does not say which one it was. So the flags are
 * dropped newest first, and on each rung the ring is tried inside memory of ours before it is
 * mapped. ENOMEM (locked memory, or no contiguous pages for big queues) is retried at half the
 * size.
 */
import { ptr } from "bun:ffi";

import { ERRNO } from "../../errors.ts";
import { PARAMS, PARAMS_WORDS, SETUP_FLAG, SYS_IO_URING_SETUP } from "./abi.ts";
import type { SetupFlagName } from "./abi.ts";
import { libc } from "./libc.ts";
import type { RingMemoryKind, UringSettings } from "./options.ts";
import type { RegisterCall } from "./registration.ts";
import { mapRing, takeRegion, viewRegion } from "./ring-memory.ts";
import type { RingMemory, RingRegion } from "./ring-memory.ts";

/** A ring that is open, and how it came to be. */
export interface OpenRing extends Accepted {
  /** How calls of io_uring_register are made, where the ring belongs to another thread. */
  readonly register?: RegisterCall;
  /** What was tried first and refused. */
  readonly refused: readonly Refusal[];
}

interface Accepted {
  readonly fd: number;
  readonly flags: number;
  readonly features: number;
  readonly entries: number;
  readonly completionEntries: number;
  /** The words of io_uring_params as the kernel filled them in: the offsets of the rings' parts. */
  readonly params: Uint32Array;
  readonly memory: RingMemory;
}

export interface Refusal {
  /** Flags and memory of the attempt, and the size of its submission queue. */
  readonly flags: readonly SetupFlagName[];
  readonly memory: RingMemoryKind;
  readonly entries: number;
  readonly errno: number;
}

/** No attempt was accepted; `errno` is the last one's. */
export interface SetupFailure {
  readonly errno: number;
  readonly refused: readonly Refusal[];
}

const F = SETUP_FLAG;
const BASE = F.CQSIZE | F.SUBMIT_ALL | F.TASKRUN_FLAG;
/**
 * Sets of flags, best first: each does without the newest flag of the one before (6.6, 6.1, 6.0,
 * 5.19, 5.18, 5.5). Deferred task runs need the single issuer; the cooperative ones replace them.
 */
const RUNGS = [
  BASE | F.SINGLE_ISSUER | F.DEFER_TASKRUN | F.NO_SQARRAY,
  BASE | F.SINGLE_ISSUER | F.DEFER_TASKRUN,
  BASE | F.SINGLE_ISSUER | F.COOP_TASKRUN,
  BASE | F.COOP_TASKRUN,
  F.CQSIZE | F.SUBMIT_ALL,
  F.CQSIZE,
  0,
] as const;

/** Below this a smaller queue saves nothing: it is a page anyway. */
const SMALLEST_RETRY_ENTRIES = 16;

/** Refusals that the other kind of memory may not meet with: an unknown flag, pages not pinned. */
const SPEAKS_OF_MEMORY = new Set<number>([ERRNO.EINVAL, ERRNO.ENOMEM, ERRNO.EFAULT]);

/** Names of the flags that are set. */
export function flagNames(flags: number): SetupFlagName[] {
  const names = Object.keys(SETUP_FLAG) as SetupFlagName[];
  return names.filter((name) => (flags & SETUP_FLAG[name]) !== 0);
}

/**
 * The distinct sets of flags to try, best first.
 * @param avoid flags to do without
 */
export function rungs(avoid: number): number[] {
  const kept = RUNGS.map((flags) => {
    let left = flags & ~avoid;
    if ((left & F.SINGLE_ISSUER) === 0) left &= ~F.DEFER_TASKRUN;
    if ((left & (F.DEFER_TASKRUN | F.COOP_TASKRUN)) === 0) left &= ~F.TASKRUN_FLAG;
    return left;
  });
  return kept.filter((flags, index) => kept.indexOf(flags) === index);
}

/** Opens a ring, or says with which error number the kernel refused the last attempt. */
export function setUpRing(settings: UringSettings): OpenRing | SetupFailure {
  const refused: Refusal[] = [];
  let errno: number = ERRNO.EINVAL;
  for (let halvings = 0; ; halvings++) {
    const entries = settings.entries >> halvings;
    const completionEntries = settings.completionEntries >> halvings;
    const opened = climbDown(settings, entries, completionEntries, refused);
    if (typeof opened !== "number") return { ...opened, refused };
    errno = opened;
    if (errno !== ERRNO.ENOMEM || entries / 2 < SMALLEST_RETRY_ENTRIES) return { errno, refused };
  }
}

/** Tries the rungs at one size. @returns the ring, or the error number that ended the descent */
function climbDown(
  settings: UringSettings,
  entries: number,
  completionEntries: number,
  refused: Refusal[],
): Accepted | number {
  const kinds: RingMemoryKind[] =
    settings.memory === "auto" ? ["shared", "mapped"] : [settings.memory];
  let errno: number = ERRNO.EINVAL;
  for (const flags of rungs(settings.avoidFlags)) {
    for (const memory of kinds) {
      if (memory === "shared" && (settings.avoidFlags & F.NO_MMAP) !== 0) continue;
      const opened = attempt(settings, flags, memory, entries, completionEntries);
      if (typeof opened !== "number") return opened;
      refused.push({ flags: flagNames(flags), memory, entries, errno: opened });
      errno = opened;
      if (!SPEAKS_OF_MEMORY.has(errno)) return errno;
    }
    // Only an unknown flag is mended by fewer flags.
    if (errno !== ERRNO.EINVAL) return errno;
  }
  return errno;
}

function attempt(
  settings: UringSettings,
  flags: number,
  kind: RingMemoryKind,
  entries: number,
  completionEntries: number,
): Accepted | number {
  const { faults } = settings;
  if (faults.setupErrno !== undefined) return faults.setupErrno;
  const region = kind === "shared" ? takeRegion(entries, completionEntries) : undefined;
  const asked = region === undefined ? flags : flags | F.NO_MMAP;
  if (faults.knownSetupFlags !== undefined && (asked & ~faults.knownSetupFlags) !== 0) {
    return ERRNO.EINVAL;
  }
  const params = fillParams(asked, entries, completionEntries, region);
  const fd = libc().setup(SYS_IO_URING_SETUP, entries, ptr(params));
  if (fd < 0) return libc().errno();
  let memory: RingMemory;
  try {
    memory = region === undefined ? mapRing(fd, params) : viewRegion(region);
  } catch (error) {
    libc().close(fd);
    throw error;
  }
  if ((asked & F.NO_SQARRAY) === 0) pointStraight(memory, params);
  return {
    fd,
    flags: asked,
    features: params[PARAMS.FEATURES]!,
    entries: params[PARAMS.SQ_ENTRIES]!,
    completionEntries: params[PARAMS.CQ_ENTRIES]!,
    params,
    memory,
  };
}

function fillParams(
  flags: number,
  entries: number,
  completionEntries: number,
  region: RingRegion | undefined,
): Uint32Array {
  const params = new Uint32Array(new ArrayBuffer(PARAMS_WORDS * 4));
  params[PARAMS.SQ_ENTRIES] = entries;
  params[PARAMS.CQ_ENTRIES] = completionEntries;
  params[PARAMS.FLAGS] = flags;
  if (region !== undefined) {
    putAddress(params, PARAMS.SQ_USER_ADDRESS, region.entriesAddress);
    putAddress(params, PARAMS.CQ_USER_ADDRESS, region.ringsAddress);
  }
  return params;
}

/** Stores a 64-bit address as its two words, low first. */
export function putAddress(words: Uint32Array, at: number, address: number): void {
  words[at] = address % 4294967296;
  words[at + 1] = Math.floor(address / 4294967296);
}

/** Fills the indirection of older rings once: ring place n holds submission entry n, for ever. */
function pointStraight(memory: RingMemory, params: Uint32Array): void {
  const first = params[PARAMS.SQ_ARRAY]! >> 2;
  for (let i = 0; i < params[PARAMS.SQ_ENTRIES]!; i++) memory.rings[first + i] = i;
}
