/** The connections between engine, driver and runs that a runtime makes at its start. */
import { INPUT_INTERRUPT } from "../backend/contract.ts";
import type { StartRequest } from "../engine/engine.ts";
import { halt } from "../engine/halt.ts";
import type { RuntimeCore } from "./core.ts";
import { ReelError } from "../errors.ts";
import { HandedEnds } from "./handed-ends.ts";
import { Opening } from "./opening.ts";
import { OperationWait } from "./operation.ts";
import type { Runs } from "./run.ts";

/** Makes the parts of a runtime that know each other through it. */
export function connectParts(parts: Omit<RuntimeCore, "handed" | "opening">): RuntimeCore {
  const core = { ...parts } as { -readonly [Part in keyof RuntimeCore]: RuntimeCore[Part] };
  core.handed = new HandedEnds(core);
  core.opening = new Opening(core);
  return core;
}

/** Connects the parts of a runtime. */
export function wire(core: RuntimeCore, runs: Runs, message: (value: number) => void): void {
  const { engine, executor, opening, pump, starts } = core;
  engine.onFree = () => {
    // A connection without its service can do nothing: it comes before whatever else may start.
    engine.services.startDue();
    starts.drain();
    opening.settleClosers();
  };
  engine.onAbandon = (handle) => void closeForgotten(core, handle);
  engine.services.onFault = (handle, error) => {
    const text = "Cannot go on with a service: the provider broke its contract";
    runs.serviceFailed(new ReelError("ERR_PROVIDER_FAULT", text, { cause: error }));
    void closeForgotten(core, handle);
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

/** Closes an end that nobody holds. Nobody hears of it, so an error there ends the run. */
export async function closeForgotten(
  { engine, opening }: RuntimeCore,
  handle: number,
): Promise<void> {
  try {
    if (engine.state.ends.endOf(handle) !== -1) await opening.close(handle);
  } catch (error) {
    halt(engine.state, error);
  }
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
