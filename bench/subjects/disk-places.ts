/**
 * Keeps so many reads of a disk in flight through the engine's own start, with one settler and one
 * request object for each place in the queue, so that nothing is allocated.
 */
import type { IoBuffer } from "../../core/buffer/buffer.ts";
import type { Engine, StartRequest } from "../../core/engine/engine.ts";
import type { Settler } from "../../core/engine/state.ts";
import type { Timed } from "../subject.ts";
import type { Positions } from "./disk-file.ts";

/** What all places in the queue share. */
interface Work {
  left: number;
  over: number;
}

/** One place in the queue: starts its next read when one is over. */
class Place implements Settler {
  readonly #engine: Engine;
  readonly #work: Work;
  readonly #positions: Positions;
  readonly #request: StartRequest;
  readonly #wanted: number;

  constructor(engine: Engine, end: number, buffer: IoBuffer, positions: Positions, work: Work) {
    this.#engine = engine;
    this.#work = work;
    this.#positions = positions;
    this.#wanted = buffer.bytes.length;
    this.#request = {
      end,
      operation: 0,
      buffer,
      at: 0,
      length: this.#wanted,
      offset: 0,
      argument: 0,
      autoRelease: true,
    };
  }

  settled(_handle: number, result: number, bytes: number): void {
    if (result < 0 || bytes !== this.#wanted) {
      throw new Error(`A read failed: found ${result} and ${bytes} bytes, wanted ${this.#wanted}`);
    }
    this.#work.over++;
    if (this.#work.left > 0) this.start();
  }

  start(): void {
    this.#work.left--;
    this.#request.offset = this.#positions.next();
    if (this.#engine.start(this.#request, this) === -1) throw new Error("The table is full");
  }
}

/**
 * @param handle of an open disk whose first operation is `read`
 * @param buffers one for each read in flight, all of the same size
 * @returns a function that does so many reads
 */
export function readThrough(
  engine: Engine,
  handle: number,
  buffers: readonly IoBuffer[],
  positions: Positions,
): Timed["run"] {
  const end = engine.state.ends.require(handle, "read");
  const work: Work = { left: 0, over: 0 };
  const places = buffers.map((buffer) => new Place(engine, end, buffer, positions, work));
  return (operations) => {
    work.over = 0;
    work.left = operations;
    for (const place of places) if (work.left > 0) place.start();
    for (engine.work(); work.over < operations; engine.work()) engine.poll(true);
  };
}
