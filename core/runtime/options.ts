/** What a runtime is started with. */
import type { UringOptions } from "../backend/uring/options.ts";
import type { ClockMode } from "../backend/emulated/machine.ts";
import type { EngineLimits } from "../engine/state.ts";
import type { Provider } from "../provider/define.ts";

export interface RuntimeOptions<P extends readonly Provider[] = readonly Provider[]> {
  /** What can be opened. The package's own face, `ioreel`, has the built-in ones registered. */
  providers?: P;
  /** Default `auto`: io_uring where everything that it needs is there, else emulated. */
  backend?: "auto" | "uring" | "emulated";
  /**
   * How the emulated clock goes: `virtual` skips idle time (the default), `paced` waits for it.
   * io_uring has the real clock.
   */
  clock?: ClockMode;
  /** Where all randomness begins; by default the host's entropy. A safe integer. */
  seed?: number;
  /** Whether the order of ready tasks is permuted by the seed, to explore interleavings. */
  permute?: boolean;
  /** What to do differently about the ring; for tests, and for machines with limits. */
  uring?: UringOptions;
  /** Memory of the emulated machine, default 64 MiB. */
  ramBytes?: number;
  /** Memory that buffers may take, default 1 GiB. */
  arenaBytes?: number;
  limits?: EngineLimits;
  /** Computes the session's digest although it is not recorded. Default false. */
  digest?: boolean;
  /** Writes the session to this file. A recording that is there is replaced. */
  record?: string | RecordOptions;
}

export interface RecordOptions {
  path: string;
  /** Kept with the recording by name: the scenario's text, input files. */
  attachments?: ReadonlyMap<string, Uint8Array>;
  /** What a replay has to know to run the same program again; plain JSON. */
  program?: unknown;
}

export const RAM_BYTES_DEFAULT = 64 << 20;
