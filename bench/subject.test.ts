/** Tests of the subjects' common part: how much they run, and when. */
import { expect, test } from "bun:test";
import { timed } from "./subject.ts";

function counting(batch: number) {
  const runs: number[] = [];
  return {
    runs,
    work: { batch, run: (operations: number) => void runs.push(operations), close() {} },
  };
}

test("timed() runs a quarter of a sample unmeasured, then the sample", async () => {
  const { runs, work } = counting(16);
  const { value, waited } = await timed(work).sample(160);
  expect(runs).toEqual([48, 160]);
  expect(value).toBeGreaterThan(0);
  expect(waited).toBeWithin(0, 1);
});

test("timed() waits for a subject that is asynchronous", async () => {
  let ended = 0;
  const subject = timed({
    batch: 1,
    async run() {
      await Promise.resolve();
      ended++;
    },
    close() {},
  });
  await subject.sample(1);
  expect(ended).toBe(2);
});

test("timed() has a step of one batch, unless it is told that it has none", () => {
  const { runs, work } = counting(16);
  timed(work).step?.();
  expect(runs).toEqual([16]);
  expect(timed(work, { steps: false }).step).toBeUndefined();
});

test("timed() counts all time where waiting counts", async () => {
  const { work } = counting(1);
  const { waited } = await timed(work, { countsWaiting: true }).sample(4);
  expect(waited).toBe(0);
});
