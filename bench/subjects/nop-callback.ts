/**
 * NOPs through descriptor, layer and callback: the engine's own start with one settler for all
 * operations and one request object, so that nothing is allocated. Argument: operations in flight.
 */
import type { Engine, StartRequest } from "../../core/engine/engine.ts";
import type { Settler } from "../../core/engine/state.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { timed, type Subject } from "../subject.ts";
import { nop } from "./nop-provider.ts";

/** Starts the next operation whenever one is over. */
class Restarter implements Settler {
  settledCount = 0;
  left = 0;
  readonly #engine: Engine;
  readonly #request: StartRequest;

  constructor(engine: Engine, end: number) {
    this.#engine = engine;
    this.#request = {
      end,
      operation: 0,
      buffer: undefined,
      at: 0,
      length: 0,
      offset: 0,
      argument: 0,
      autoRelease: true,
    };
  }

  settled(_handle: number, result: number): void {
    if (result < 0) throw new Error(`A NOP failed: found ${result}, wanted 0`);
    this.settledCount++;
    if (this.left > 0) this.start();
  }

  start(): void {
    this.left--;
    if (this.#engine.start(this.#request, this) === -1) throw new Error("The table is full");
  }
}

export default async function open(argument: string): Promise<Subject> {
  const inFlight = Number(argument);
  const io = await startRuntime({ backend: "uring", providers: [nop], seed: 1 });
  const opened = await io.open("nop");
  const { engine } = io;
  const end = engine.state.ends.require(opened.handle, "nop");
  const restarter = new Restarter(engine, end);
  return timed({
    batch: inFlight,
    run(operations) {
      restarter.settledCount = 0;
      restarter.left = operations;
      for (let i = 0; i < inFlight; i++) restarter.start();
      while (restarter.settledCount < operations) {
        engine.poll(true);
        engine.work();
      }
    },
    close: () => io.close(),
  });
}
