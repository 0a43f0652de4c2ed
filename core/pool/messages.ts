/** What the threads of a pool and their owner say to each other, as it is cloned between them. */
import type { MessagePort } from "node:worker_threads";

import type { SessionSummary } from "../runtime/session.ts";
import type { CarriedError } from "./carried-error.ts";

/** What a thread is started with. */
export interface ThreadSetup {
  readonly port: MessagePort;
  /** Address of the module whose `Runtime` starts the thread's runtime. */
  readonly face: string;
  /** The options of that runtime: without providers, which cannot be cloned. */
  readonly options: object;
  /** Addresses of modules whose exported providers are registered. */
  readonly providers: readonly string[];
  /** Whether the thread waits in the kernel instead of its event loop, where it can. */
  readonly blocking: boolean;
}

/** A function to be run as a task. */
export interface Job {
  /** Numbers the tasks of a pool, from 0. */
  readonly id: number;
  /** Address of the module, and the name under which it exports the function. */
  readonly module: string;
  readonly exportName: string;
  readonly args: readonly unknown[];
}

export type ToThread =
  | { readonly kind: "run"; readonly job: Job }
  /** The jobs since the last time were given in one go: they begin together. */
  | { readonly kind: "begin" }
  | { readonly kind: "cancel"; readonly id: number }
  | { readonly kind: "close" };

/** How a task ended. */
export type Outcome =
  | { readonly status: "completed"; readonly value: unknown }
  | { readonly status: "failed" | "cancelled"; readonly error: CarriedError };

export type FromThread =
  | {
      readonly kind: "ready";
      readonly backend: "uring" | "emulated";
      readonly seed: number;
      /** The ring that messages are announced to, while the thread waits in the kernel. */
      readonly bell: number | undefined;
    }
  | { readonly kind: "ended"; readonly id: number; readonly outcome: Outcome }
  /** The kernel may write to this memory from now on: whatever happens to the thread, keep it. */
  | { readonly kind: "memory"; readonly memory: SharedArrayBuffer; readonly number: number }
  /** It may not any more. */
  | { readonly kind: "memory free"; readonly number: number }
  /** The thread has closed its runtime and ends by itself; or it never had one. */
  | {
      readonly kind: "closed";
      readonly error: CarriedError | undefined;
      readonly session: SessionSummary | undefined;
    };
