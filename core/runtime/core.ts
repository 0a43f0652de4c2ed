/** The parts of a running runtime, as its files share them. */
import type { Backend } from "../backend/contract.ts";
import type { BufferPool } from "../buffer/pool.ts";
import type { Engine, StartRequest } from "../engine/engine.ts";
import type { StartQueue } from "../engine/start-queue.ts";
import type { Executor } from "../task/executor.ts";
import type { HandedEnds } from "./handed-ends.ts";
import type { RuntimeObserver } from "./observer.ts";
import type { Opening } from "./opening.ts";
import type { Pump } from "./pump.ts";

export interface RuntimeCore {
  readonly backend: Backend;
  readonly pool: BufferPool;
  readonly engine: Engine;
  readonly starts: StartQueue;
  readonly executor: Executor;
  readonly pump: Pump;
  readonly opening: Opening;
  readonly handed: HandedEnds;
  /** Filled in for each start by whoever starts: starting allocates no request. */
  readonly request: StartRequest;
  readonly observer: RuntimeObserver | undefined;
  kick(): void;
  /** @throws {ReelError} ERR_CLOSED when the runtime is being closed */
  requireOpen(action: string): void;
}
