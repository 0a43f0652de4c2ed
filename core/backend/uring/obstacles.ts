/**
 * What stands in the way of io_uring on this host, in words: what was found, what was wanted, and
 * what to do about it.
 */
import { ERRNO, ReelError, codeOfResult } from "../../errors.ts";
import type { ErrorCode } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { FEATURE } from "./abi.ts";
import type { FeatureName } from "./abi.ts";
import { hostFacts, kernelAtLeast } from "./host-facts.ts";
import type { HostFacts } from "./host-facts.ts";

export interface Obstacle {
  /** The error number's name, or ioreel's own code: stable, for programs. */
  readonly code: ErrorCode;
  readonly found: string;
  readonly wanted: string;
  readonly mend: string;
  /** Whether it keeps the backend from opening; otherwise it only makes it slower. */
  readonly fatal: boolean;
}

const USE_EMULATED = "or choose the emulated backend";
/** The oldest kernel with everything that the backend cannot do without (EXT_ARG). */
export const OLDEST_KERNEL = "5.11";
export const WANTED_FEATURES: readonly FeatureName[] = [
  "SINGLE_MMAP",
  "NODROP",
  "SUBMIT_STABLE",
  "RW_CUR_POS",
  "EXT_ARG",
];

/** Explains why io_uring_setup failed. */
export function setupObstacle(errno: number, facts: HostFacts): Obstacle {
  const kernel = facts.kernel === "" ? "(unknown)" : facts.kernel;
  const found = `io_uring_setup gave ${codeOfResult(-errno)} on Linux ${kernel}`;
  const explain = EXPLANATIONS.get(errno) ?? explainOther;
  return { code: codeOfResult(-errno), fatal: true, ...explain(found, facts) };
}

type Words = Pick<Obstacle, "found" | "wanted" | "mend">;

const EXPLANATIONS = new Map<number, (found: string, facts: HostFacts) => Words>([
  [ERRNO.ENOSYS, explainMissing],
  [ERRNO.EPERM, explainForbidden],
  [ERRNO.ENOMEM, explainMemory],
  [ERRNO.EINVAL, explainRefused],
]);

function explainMissing(found: string, facts: HostFacts): Words {
  const old = facts.kernel !== "" && !kernelAtLeast(facts.kernel, 5, 1);
  if (old) {
    return {
      found,
      wanted: `Linux ${OLDEST_KERNEL} or later`,
      mend: `Upgrade the kernel to ${OLDEST_KERNEL} or later, ${USE_EMULATED}`,
    };
  }
  return {
    found: `${found}${facts.seccompMode === 2 ? " under a seccomp filter" : ""}`,
    wanted: "the io_uring system calls",
    mend:
      "Allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp " +
      `profile, enable CONFIG_IO_URING in the kernel, ${USE_EMULATED}`,
  };
}

function explainForbidden(found: string, facts: HostFacts): Words {
  const setting = facts.ioUringDisabled ?? 0;
  if (setting === 2 || (setting === 1 && !facts.privileged)) {
    return {
      found: `${found}: kernel.io_uring_disabled is ${setting}`,
      wanted: "kernel.io_uring_disabled = 0",
      mend:
        'Run "sysctl kernel.io_uring_disabled=0", ' +
        (setting === 1 ? "join the group of kernel.io_uring_group, " : "") +
        USE_EMULATED,
    };
  }
  return {
    found: `${found}${facts.seccompMode === 2 ? " under a seccomp filter" : ""}`,
    wanted: "permission to open a ring",
    mend:
      "Allow io_uring_setup, io_uring_enter and io_uring_register in the container's seccomp " +
      `profile or security module, ${USE_EMULATED}`,
  };
}

function explainMemory(found: string, facts: HostFacts): Words {
  const limit =
    facts.memlockBytes === undefined ? "" : ` with ${facts.memlockBytes} lockable bytes`;
  return {
    found: `${found}${limit}, also for a small ring`,
    wanted: "memory for the ring's queues",
    mend: `Raise the limit of locked memory ("ulimit -l"), ask for fewer entries, ${USE_EMULATED}`,
  };
}

function explainRefused(found: string): Words {
  return {
    found: `${found} for every set of flags`,
    wanted: `a ring as Linux ${OLDEST_KERNEL} knows it`,
    mend: `Upgrade the kernel to ${OLDEST_KERNEL} or later, ask for fewer entries, ${USE_EMULATED}`,
  };
}

function explainOther(found: string): Words {
  return {
    found,
    wanted: "an open ring",
    mend: `Look the error number up in io_uring_setup(2), ${USE_EMULATED}`,
  };
}

/** Not Linux, or no C library that bun:ffi can open. */
export function platformObstacle(facts: HostFacts): Obstacle {
  return {
    code: "ERR_UNSUPPORTED",
    found: `platform ${facts.platform} without a C library that Bun can call`,
    wanted: "Linux with glibc or musl",
    mend: `Run on Linux, ${USE_EMULATED}`,
    fatal: true,
  };
}

/** Features that the ring lacks, if it lacks any that are needed. */
export function featureObstacle(features: number): Obstacle | undefined {
  const missing = WANTED_FEATURES.filter((name) => (features & FEATURE[name]) === 0);
  if (missing.length === 0) return undefined;
  return {
    code: "ERR_UNSUPPORTED",
    found: `Linux ${hostFacts().kernel}, whose rings lack ${missing.join(", ")}`,
    wanted: `Linux ${OLDEST_KERNEL} or later`,
    mend: `Upgrade the kernel to ${OLDEST_KERNEL} or later, ${USE_EMULATED}`,
    fatal: true,
  };
}

/** Opcodes that are needed and not there. */
export function opcodeObstacle(missing: readonly number[]): Obstacle | undefined {
  if (missing.length === 0) return undefined;
  const names = missing.map(opcodeName).join(", ");
  return {
    code: "EOPNOTSUPP",
    found: `Linux ${hostFacts().kernel}, whose rings cannot do ${names}`,
    wanted: `the opcodes ${names}`,
    mend: `Upgrade the kernel, leave out the providers that need them, ${USE_EMULATED}`,
    fatal: true,
  };
}

/** The event loop does not notice the ring's eventfd. */
export function wakeObstacle(selfTestMs: number): Obstacle {
  return {
    code: "ERR_TIMEOUT",
    found: `Bun ${Bun.version} did not notice the ring's eventfd within ${selfTestMs} ms`,
    wanted: "completions that wake the event loop",
    mend: "Update Bun; until then the ring is looked at every millisecond instead",
    fatal: false,
  };
}

/** The ring opened, but what the kernel writes cannot be seen. */
export function memoryObstacle(kind: string): Obstacle {
  return {
    code: "ERR_UNSUPPORTED",
    found: `a completion in ${kind} ring memory that Bun ${Bun.version} does not see`,
    wanted: "ring memory that kernel and program share",
    mend: `Update Bun, choose the other kind of ring memory, ${USE_EMULATED}`,
    fatal: true,
  };
}

/** An opcode's name, or its number. */
export function opcodeName(opcode: number): string {
  for (const [name, number] of Object.entries(OPCODE)) if (number === opcode) return name;
  return `opcode ${opcode}`;
}

/** The error that a fatal obstacle is. */
export function obstacleError(obstacle: Obstacle): ReelError {
  return new ReelError(
    obstacle.code,
    `Cannot open the io_uring backend: found ${obstacle.found}, wanted ${obstacle.wanted}`,
    { mend: obstacle.mend, details: { obstacle } },
  );
}
