/** Snapshots of the controller at every event, and in the middle of a block. */
import { describe, expect, test } from "bun:test";
import { IdeBench, SECTOR } from "./device.fixture.ts";

/** A program of register accesses; it yields wherever a snapshot may be taken. */
function* program(bench: IdeBench): Generator<undefined, string> {
  const hash = new Bun.CryptoHasher("sha256");
  const settle = function* () {
    while (bench.machine.step()) yield undefined;
    hash.update(`${bench.machine.nowNs} ${bench.read(7)} ${bench.lba()};`);
  };
  bench.issue(0xc6, { count: 2 });
  yield* settle();
  bench.issue(0xc4, { count: 3, lba: 9 });
  for (const sectors of [2, 1]) {
    yield* settle();
    hash.update(bench.take(100));
    yield undefined;
    hash.update(bench.take(sectors * SECTOR - 100));
  }
  bench.issue(0x30, { count: 2, lba: 30 });
  for (const value of [1, 2]) {
    yield* settle();
    bench.give(new Uint8Array(300).fill(value));
    yield undefined;
    bench.give(new Uint8Array(212).fill(value));
  }
  yield* settle();
  bench.table([
    [0x4000, 700],
    [0x6000, 324],
  ]);
  bench.issue(0xc8, { count: 2, lba: 30 });
  yield undefined;
  bench.start(true);
  yield* settle();
  hash.update(bench.machine.memory);
  bench.issue(0xe7);
  yield* settle();
  return hash.digest("hex");
}

/** Runs it all; at step `at` everything is saved and put into a bench that is new. */
function run(at: number): { digest: string; steps: number } {
  const first = new IdeBench({ timing: "hdd7200" });
  const bench = { now: first };
  // The program goes on with whatever bench is there.
  const view = new Proxy({} as IdeBench, {
    get: (_target, name) => {
      const value = Reflect.get(bench.now, name, bench.now) as unknown;
      return typeof value === "function" ? value.bind(bench.now) : value;
    },
  });
  const steps = program(view);
  for (let step = 0; ; step++) {
    const { done, value } = steps.next();
    if (done) return { digest: value, steps: step };
    if (step !== at) continue;
    const fresh = new IdeBench({ timing: "hdd7200" });
    fresh.ide.restore(bench.now.ide.snapshot());
    fresh.machine.load(bench.now.machine.save());
    fresh.medium.restore(bench.now.medium.snapshot());
    bench.now = fresh;
  }
}

describe("IdeController snapshot", () => {
  test("goes on alike from every event, also in the middle of a block", () => {
    const { digest, steps } = run(-1);
    expect(steps).toBeGreaterThan(15);
    for (let at = 0; at < steps; at++) expect([at, run(at).digest]).toEqual([at, digest]);
  });

  test("is refused when it is another's, of another version or damaged, changing nothing", () => {
    const bench = new IdeBench();
    bench.issue(0xec);
    bench.machine.settle();
    const good = bench.ide.snapshot();
    const text = new TextDecoder().decode(good);
    const bad = [
      new Uint8Array(0),
      new TextEncoder().encode("{}\n"),
      new TextEncoder().encode(text.replace('"version":1', '"version":2')),
      new TextEncoder().encode(text.replace('"phase":2', '"phase":"2"')),
      good.slice(0, good.length - 100),
      bench.disk.snapshot(),
    ];
    for (const bytes of bad) {
      expect(() => bench.ide.restore(bytes)).toThrow("Cannot restore");
      expect(bench.ide.snapshot()).toEqual(good);
    }
  });
});
