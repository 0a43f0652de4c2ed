/**
 * Chooses the backend: tries the candidates in their order and takes the first that is whole,
 * keeping for each one before it why it was not taken. What makes a candidate whole is its own
 * business; io_uring has to open, to know every opcode that is needed, and to wake the event loop.
 */
import { ReelError, isReelError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { Backend } from "./contract.ts";
import type { UringOptions } from "./uring/options.ts";
import { obstacleError } from "./uring/obstacles.ts";
import { UringBackend } from "./uring/uring-backend.ts";

export type BackendName = Backend["kind"];

/** A backend that may be available. */
export interface BackendCandidate {
  readonly name: BackendName;
  /**
   * Opens it for a program on Bun's event loop.
   * @param needs what the program needs of it
   * @throws {ReelError} why it is not available; its code and mend are reported
   */
  open(needs: BackendNeeds): Promise<Backend>;
  /** Opens it for a program that owns its thread. @throws as {@link open} does */
  openBlocking(needs: BackendNeeds): Backend;
}

export interface BackendNeeds {
  /** Opcodes of the ring requests that the loaded providers make. */
  readonly opcodes: readonly number[];
  /** Whether this very backend was asked for, so that a slower one is better than none. */
  readonly insisted: boolean;
}

export interface SelectOptions {
  /** "auto" takes the first candidate that is available. */
  readonly want: "auto" | BackendName;
  readonly opcodes: readonly number[];
  /** In order of preference. */
  readonly candidates: readonly BackendCandidate[];
}

/** Why a candidate was not taken. */
export interface Rejection {
  readonly name: BackendName;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly mend: string;
}

export interface Selection<B extends Backend = Backend> {
  readonly chosen: B;
  readonly rejected: readonly Rejection[];
}

/**
 * Chooses and opens a backend for a program on Bun's event loop.
 * @throws {ReelError} ERR_BACKEND_UNAVAILABLE when the wanted one, or any, cannot be had;
 *   `details.rejected` lists why. Anything else that a candidate throws is a defect and passes.
 */
export async function selectBackend(options: SelectOptions): Promise<Selection> {
  const rejected: Rejection[] = [];
  for (const candidate of eligible(options)) {
    try {
      return { chosen: await candidate.open(needsOf(options)), rejected };
    } catch (error) {
      rejected.push(rejectionOf(candidate, error));
    }
  }
  throw unavailable(options, rejected);
}

/** Chooses and opens a backend for a program that owns its thread. See {@link selectBackend}. */
export function selectBackendBlocking(options: SelectOptions): Selection {
  const rejected: Rejection[] = [];
  for (const candidate of eligible(options)) {
    try {
      return { chosen: candidate.openBlocking(needsOf(options)), rejected };
    } catch (error) {
      rejected.push(rejectionOf(candidate, error));
    }
  }
  throw unavailable(options, rejected);
}

/** io_uring as a candidate. */
export function uringCandidate(options: UringOptions = {}): BackendCandidate {
  return {
    name: "uring",
    async open({ opcodes, insisted }) {
      const backend = await UringBackend.open({ ...options, opcodes });
      const slow = backend.obstacles[0];
      if (slow === undefined || insisted) return backend;
      backend.close();
      throw obstacleError(slow);
    },
    openBlocking: ({ opcodes }) => UringBackend.openBlocking({ ...options, opcodes }),
  };
}

/** A backend that needs nothing of the host and so always opens. */
export function sureCandidate(name: BackendName, make: () => Backend): BackendCandidate {
  return { name, open: async () => make(), openBlocking: make };
}

function eligible({ want, candidates }: SelectOptions): readonly BackendCandidate[] {
  return want === "auto" ? candidates : candidates.filter(({ name }) => name === want);
}

function needsOf({ want, opcodes }: SelectOptions): BackendNeeds {
  return { opcodes, insisted: want !== "auto" };
}

function rejectionOf(candidate: BackendCandidate, error: unknown): Rejection {
  if (!isReelError(error)) throw error;
  return {
    name: candidate.name,
    code: error.code,
    reason: error.message,
    mend: error.mend ?? "Choose another backend",
  };
}

function unavailable({ want }: SelectOptions, rejected: readonly Rejection[]): ReelError {
  const wanted = want === "auto" ? "any backend" : `the backend "${want}"`;
  const reasons = rejected.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
  return new ReelError(
    "ERR_BACKEND_UNAVAILABLE",
    `Cannot start on ${wanted}: ${reasons || "there is no such candidate"}`,
    {
      mend: rejected[0]?.mend ?? "Name one of the backends that are offered, or leave it to auto",
      details: { rejected },
    },
  );
}
