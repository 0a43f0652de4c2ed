/** Tests of the line of wakers: nobody is pushed out, nobody is forgotten, no wake is swallowed. */
import { describe, expect, test } from "bun:test";
import { spawnFuture } from "./await-future.ts";
import { type Context, type Future, PENDING, type Poll } from "./future.ts";
import { World } from "./world.fixture.ts";
import { WakerList, type WakerPlace } from "./waker-list.ts";

/** A byte source with several readers, as a pipe has them. */
class Source {
  readonly readers = new WakerList();
  readonly bytes: number[] = [];

  write(byte: number): void {
    this.bytes.push(byte);
    this.readers.wakeOne();
  }

  read(): Future<number> {
    return new ByteFuture(this, this.readers.place());
  }
}

class ByteFuture implements Future<number> {
  readonly source: Source;
  readonly place: WakerPlace;

  constructor(source: Source, place: WakerPlace) {
    this.source = source;
    this.place = place;
  }

  poll(cx: Context): Poll<number> {
    const byte = this.source.bytes.shift();
    if (byte === undefined) {
      this.place.wait(cx);
      return PENDING;
    }
    this.place.done();
    return byte;
  }

  drop(): void {
    this.place.drop();
  }
}

describe("WakerList", () => {
  test("two readers and one byte for each: both finish, the first first [K10]", () => {
    const world = new World();
    const source = new Source();
    const [first, second] = [1, 2].map(() => spawnFuture(world.executor, source.read()));
    world.settle();
    expect(source.readers.size).toBe(2);
    source.write(65);
    source.write(66);
    world.settle();
    expect([first!.task.outcome, second!.task.outcome]).toEqual([65, 66]);
    expect(source.readers.size).toBe(0);
  });

  test("a reader that gives up leaves no stale waker [K10]", () => {
    const world = new World();
    const source = new Source();
    const readers = [1, 2, 3].map(() => spawnFuture(world.executor, source.read()));
    world.settle();
    void readers[0]!.cancel();
    void readers[2]!.cancel();
    world.settle();
    expect(source.readers.size).toBe(1);
    source.write(65);
    world.settle();
    expect(readers[1]!.task.outcome).toBe(65);
  });

  test("a reader that is gone before it used its wake passes it on [K10] [K17]", () => {
    const world = new World();
    const source = new Source();
    const [first, second] = [1, 2].map(() => spawnFuture(world.executor, source.read()));
    world.settle();
    void first!.cancel();
    source.write(65);
    world.settle();
    expect(first!.cancelled).toBe(true);
    expect(second!.task.outcome).toBe(65);
  });

  test("wakeAll() wakes those who stand in line at its beginning, each once", () => {
    const list = new WakerList();
    const woken: string[] = [];
    const places: WakerPlace[] = [];
    const join = (name: string): void => {
      const place = list.place();
      places.push(place);
      const waker = {
        wake: () => {
          woken.push(name);
          join(`${name}'`);
        },
        clone: () => waker,
        drop: () => {},
        willWake: () => false,
      };
      place.wait({ waker });
    };
    for (const name of ["a", "b", "c"]) join(name);
    list.wakeAll();
    expect(woken).toEqual(["a", "b", "c"]);
    expect(list.size).toBe(3);
  });

  test("a spurious poll keeps the reader's place in line [K11]", () => {
    const world = new World();
    const source = new Source();
    const [first, second] = [1, 2].map(() => spawnFuture(world.executor, source.read()));
    world.settle();
    first!.task.notify();
    world.settle();
    source.write(65);
    world.settle();
    expect([first!.task.outcome, second!.finished]).toEqual([65, false]);
  });
});
