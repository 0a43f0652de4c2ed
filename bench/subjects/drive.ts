/** Drives operations through an engine's callback form, allocating nothing. */
import { emptyRequest } from "../../core/runtime/wiring.ts";
import type { Engine, StartRequest } from "../../core/engine/engine.ts";
import type { Settler } from "../../core/engine/state.ts";

/** Counts settlements and refuses failures. */
class CountingSettler implements Settler {
  count = 0;

  settled(_handle: number, result: number): void {
    if (result < 0) throw new Error(`An operation failed: found ${result}, wanted 0`);
    this.count++;
  }
}

/**
 * @param end index of an open end
 * @param operation number of one of its operations, without a buffer
 * @returns a function that does so many of them
 */
export function sequentialDriver(
  engine: Engine,
  end: number,
  operation: number,
): (operations: number) => void {
  const settler = new CountingSettler();
  const request: StartRequest = {
    ...emptyRequest(),
    end,
    operation,
  };
  return (operations) => {
    for (let i = 0; i < operations; i++) {
      const wanted = settler.count + 1;
      if (engine.start(request, settler) === -1) throw new Error("The table is full");
      for (engine.work(); settler.count < wanted; engine.work()) engine.poll(true);
    }
  };
}

/** Starts the next operation whenever one is over. */
class Restarter implements Settler {
  settledCount = 0;
  left = 0;
  readonly #engine: Engine;
  readonly #request: StartRequest;

  constructor(engine: Engine, end: number) {
    this.#engine = engine;
    this.#request = {
      ...emptyRequest(),
      end,
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

/**
 * @param end index of an open end, whose first operation takes no buffer
 * @param inFlight how many there are at once
 * @returns a function that does so many of them
 */
export function concurrentDriver(
  engine: Engine,
  end: number,
  inFlight: number,
): (operations: number) => void {
  const restarter = new Restarter(engine, end);
  return (operations) => {
    restarter.settledCount = 0;
    restarter.left = operations;
    for (let i = 0; i < inFlight; i++) restarter.start();
    while (restarter.settledCount < operations) {
      engine.poll(true);
      engine.work();
    }
  };
}
