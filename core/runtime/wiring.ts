/** The connections between engine, driver and runs that a runtime makes at its start. */
import { INPUT_INTERRUPT } from "../backend/contract.ts";
import type { StartRequest } from "../engine/engine.ts";
import type { RuntimeCore } from "./core.ts";
import { OperationWait } from "./operation.ts";
import type { Runs } from "./run.ts";

/** Connects the parts of a runtime. */
export function wire(core: RuntimeCore, runs: Runs, message: (value: number) => void): void {
  const { engine, executor, opening, pump, starts } = core;
  engine.onFree = () => {
    starts.drain();
    opening.settleClosers();
  };
  engine.onInput = (kind, value) => {
    if (kind === INPUT_INTERRUPT) runs.interrupt();
    else message(value);
  };
  pump.onRound = (moved) => runs.afterRound(moved);
  pump.onIdle = (pending) => runs.idle(pending);
  pump.wantsAnotherLook = () => runs.wantsAnotherLook;
  pump.onHalt = (error) => {
    runs.halt(error);
    for (const settler of engine.state.settlers) {
      if (settler instanceof OperationWait) settler.halted(error);
    }
    executor.flushHost();
  };
}

/** A request to be filled in for each start. */
export function emptyRequest(): StartRequest {
  return {
    end: 0,
    operation: 0,
    buffer: undefined,
    at: 0,
    length: 0,
    offset: 0,
    argument: 0,
    autoRelease: true,
  };
}
