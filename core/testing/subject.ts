/** What a provider's author tells the contract suite about the provider. */
import type { UringOptions } from "../backend/uring/options.ts";
import type { Provider } from "../provider/define.ts";
import type { OpenEnd } from "../runtime/open-end.ts";
import type { Runtime } from "../runtime/runtime.ts";

/** Where the suite's tests go: `{ describe, test }` of bun:test, or another runner's. */
export interface TestRunner {
  describe(title: string, body: () => void): void;
  test: {
    (title: string, body: () => Promise<void>): void;
    skip(title: string, body: () => Promise<void>): void;
  };
}

/** One end or several by name, as `Runtime.open` gives them. */
export type OpenedEnds = Readonly<Record<string, OpenEnd>>;

export interface ContractSubject {
  provider: Provider;
  /** Options to open it with; default none. */
  options?: Readonly<Record<string, unknown>>;
  /**
   * Opens it, where that takes more than options: a connection needs its peer. Beside the ends of
   * the definition it may give others that help; all are closed with the test, the last first.
   */
  open?(io: Runtime): Promise<OpenedEnds>;
  /** An operation that waits until something is done about it. */
  waiting: {
    end: string;
    operation: "read" | "write";
    /** Bytes of its buffer. */
    sizeBytes: number;
    offset?: number;
    /** Makes it end with success, without waiting for it. */
    finish(io: Runtime, ends: OpenedEnds): Promise<void>;
    /** Bytes that it then has moved. */
    movesBytes: number;
  };
  /**
   * A program that uses the provider thoroughly and deterministically: several tasks, if it can.
   * @returns something to compare between two runs; plain JSON
   */
  exercise(io: Runtime, ends: OpenedEnds): Promise<unknown>;
  /** What to do differently about the ring. */
  uring?: UringOptions;
  /** Bytes that the program brings in on io_uring may differ from run to run: times, sockets. */
  resultsVaryOnUring?: boolean;
}

export interface ContractOptions {
  /** Which backends to run on; default: those the provider has drivers for. */
  backends?: readonly ("uring" | "emulated")[];
  /** Tests that do not apply, each with the reason; they are shown as skipped. */
  deviations?: readonly { test: string; reason: string }[];
}
