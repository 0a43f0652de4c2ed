/**
 * Examines io_uring on this host, for `doctor`: opens a ring as the backend would, tries it out,
 * closes it, and lists everything that was found and everything that stands in the way.
 */
import { OPCODE } from "../contract.ts";
import { FEATURE } from "./abi.ts";
import type { FeatureName, SetupFlagName } from "./abi.ts";
import type { CancelFeatures } from "./cancel.ts";
import { hostFacts } from "./host-facts.ts";
import type { HostFacts } from "./host-facts.ts";
import type { WakeMode } from "./loop-wake.ts";
import { opcodeName } from "./obstacles.ts";
import type { Obstacle } from "./obstacles.ts";
import type { NoRing, WorkingRing } from "./open-ring.ts";
import { settle } from "./options.ts";
import type { RingMemoryKind, UringOptions } from "./options.ts";
import { missingOf } from "./registration.ts";
import { flagNames } from "./setup.ts";
import type { OpenRing, Refusal } from "./setup.ts";
import { UringBackend } from "./uring-backend.ts";

export interface UringReport {
  /** Whether a backend can be opened with these options. */
  readonly available: boolean;
  readonly host: HostFacts;
  /** Undefined where no ring could be opened. */
  readonly ring: RingReport | undefined;
  /** What was tried before and refused. */
  readonly refused: readonly Refusal[];
  readonly opcodes: OpcodeReport;
  /** How the event loop is told of completions; undefined where there was nothing to try. */
  readonly wake: WakeMode | undefined;
  readonly obstacles: readonly Obstacle[];
}

export interface RingReport {
  readonly memory: RingMemoryKind;
  readonly flags: readonly SetupFlagName[];
  readonly features: readonly FeatureName[];
  readonly entries: number;
  readonly completionEntries: number;
  /** Undefined where the ring was not tried out so far. */
  readonly cancel: CancelFeatures | undefined;
}

export interface OpcodeReport {
  /** How many the kernel knows; undefined where it could not be asked. */
  readonly known: number | undefined;
  /** Of those that were required, the ones that it does not know. */
  readonly missing: readonly string[];
  /** Of those that ioreel can ask for at all, the ones that it does not know. */
  readonly unavailable: readonly string[];
}

/**
 * Examines the host.
 * @param options as for opening the backend; `opcodes` are those required
 * @throws {RangeError} for an option out of range; what the host lacks is reported, not thrown
 */
export async function diagnoseUring(options: UringOptions = {}): Promise<UringReport> {
  const settings = settle(options);
  const opened = UringBackend.tryOpen(settings);
  if (!(opened instanceof UringBackend)) {
    return report(opened, settings.opcodes, undefined, [opened.obstacle]);
  }
  try {
    await opened.testWake();
    return report(opened.working, settings.opcodes, opened.wakeMode, opened.obstacles);
  } finally {
    opened.close();
  }
}

function report(
  found: WorkingRing | NoRing,
  required: readonly number[],
  wake: WakeMode | undefined,
  obstacles: readonly Obstacle[],
): UringReport {
  const known = found.opcodes;
  const absent = (opcodes: readonly number[]): string[] =>
    known === undefined ? [] : missingOf(known, opcodes).map(opcodeName);
  return {
    available: !("obstacle" in found),
    host: hostFacts(),
    ring: found.ring === undefined ? undefined : ringReport(found.ring, found),
    refused: "obstacle" in found ? found.refused : found.ring.refused,
    opcodes: {
      known: known?.size,
      missing: absent(required),
      unavailable: absent(Object.values(OPCODE)),
    },
    wake,
    obstacles,
  };
}

function ringReport(ring: OpenRing, found: WorkingRing | NoRing): RingReport {
  const features = Object.keys(FEATURE) as FeatureName[];
  return {
    memory: ring.memory.kind,
    flags: flagNames(ring.flags),
    features: features.filter((name) => (ring.features & FEATURE[name]) !== 0),
    entries: ring.entries,
    completionEntries: ring.completionEntries,
    cancel: "cancel" in found ? found.cancel : undefined,
  };
}
