/**
 * Opens a ring and finds out what it can do: the part of starting up that the backend and its
 * diagnosis have in common.
 */
import { probeSyncCancel, sendBulkProbe } from "./cancel.ts";
import type { CancelFeatures } from "./cancel.ts";
import type { CompletionThread } from "./completion-thread.ts";
import { hostFacts } from "./host-facts.ts";
import { libc } from "./libc.ts";
import {
  featureObstacle,
  obstacleError,
  memoryObstacle,
  opcodeObstacle,
  platformObstacle,
  setupObstacle,
} from "./obstacles.ts";
import type { Obstacle } from "./obstacles.ts";
import { settle } from "./options.ts";
import type { UringOptions, UringSettings } from "./options.ts";
import { missingOf, probeOpcodes, registerRingFd, unregisterRingFd } from "./registration.ts";
import { RingCore } from "./ring-core.ts";
import type { BatchClock } from "./ring-core.ts";
import { setUpRing } from "./setup.ts";
import type { OpenRing, Refusal, SetupFailure } from "./setup.ts";
import { ERRNO } from "../../errors.ts";

/** A ring that works, and what it can do. */
export interface WorkingRing {
  readonly ring: OpenRing;
  readonly core: RingCore;
  readonly opcodes: ReadonlySet<number>;
  readonly cancel: CancelFeatures;
  /** Enters the ring in place of this thread, where that was asked for. */
  readonly thread: CompletionThread | undefined;
  /** Closes the ring, which has nothing in flight. Nothing may touch its memory afterwards. */
  close(): void;
}

/** Why there is none, and what was found on the way. */
export interface NoRing {
  readonly obstacle: Obstacle;
  readonly ring: OpenRing | undefined;
  readonly opcodes: ReadonlySet<number> | undefined;
  readonly refused: readonly Refusal[];
}

/** Opens a ring and tries it out. */
export function openRing(settings: UringSettings, clock: BatchClock): WorkingRing | NoRing {
  try {
    libc();
  } catch {
    return refusal(platformObstacle(hostFacts()), []);
  }
  const ring = setUpRing(settings);
  if ("errno" in ring) return refusal(setupObstacle(ring.errno, hostFacts()), ring.refused);
  const core = new RingCore(ring, settings.slots, settings.faults, clock);
  const opcodes = probeOpcodes(ring.fd, settings.faults.maskOpcodes ?? []);
  const fail = (obstacle: Obstacle): NoRing => {
    closeRing(ring, core);
    return { obstacle, refused: ring.refused, ring, opcodes };
  };
  const lacking = featureObstacle(ring.features);
  if (lacking !== undefined) return fail(lacking);
  registerRingFd(core);
  const unable = opcodeObstacle(missingOf(opcodes, settings.opcodes));
  if (unable !== undefined) return fail(unable);
  const cancel = probeCancel(core, settings.faults.cancelFlags === "refuse");
  if (cancel === undefined) return fail(memoryObstacle(ring.memory.kind));
  return { ring, core, opcodes, cancel, thread: undefined, close: () => closeRing(ring, core) };
}

/**
 * Closes a ring that has nothing in flight. Nothing may touch its memory afterwards: mapped memory
 * is gone.
 */
export function closeRing(ring: OpenRing, core: RingCore): void {
  unregisterRingFd(core);
  core.forget();
  libc().close(ring.fd);
  ring.memory.release();
}

/**
 * Opens the ring by itself: no clock, no deadlines, no event loop. For measuring what those cost.
 * @throws {RangeError} for an option out of range
 * @throws {ReelError} why there is no ring
 */
export function openBareRing(options: UringOptions): { core: RingCore; close: () => void } {
  const found = openRing(settle(options), { now: () => 0 });
  if ("obstacle" in found) throw obstacleError(found.obstacle);
  return { core: found.core, close: () => found.close() };
}

function refusal(obstacle: Obstacle, refused: SetupFailure["refused"]): NoRing {
  return { obstacle, ring: undefined, opcodes: undefined, refused };
}

/**
 * Learns how the kernel cancels. The answer also proves that what the kernel writes into the ring
 * can be seen through our views of it.
 * @returns undefined if it cannot be seen
 */
function probeCancel(core: RingCore, refuse: boolean): CancelFeatures | undefined {
  let answer: number | undefined;
  core.onOwn = (_kind, _sequence, result) => {
    answer = result;
  };
  sendBulkProbe(core);
  core.enter(1);
  core.skipOwn();
  core.onOwn = () => {};
  if (answer === undefined) return undefined;
  return {
    bulk: !refuse && answer !== -ERRNO.EINVAL,
    sync: probeSyncCancel(core),
  };
}
