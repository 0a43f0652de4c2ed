/** Drives operations one after the other through an engine's callback form, allocating nothing. */
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
    end,
    operation,
    buffer: undefined,
    at: 0,
    length: 0,
    offset: 0,
    argument: 0,
    autoRelease: true,
  };
  return (operations) => {
    for (let i = 0; i < operations; i++) {
      const wanted = settler.count + 1;
      if (engine.start(request, settler) === -1) throw new Error("The table is full");
      for (engine.work(); settler.count < wanted; engine.work()) engine.poll(true);
    }
  };
}
