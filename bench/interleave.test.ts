/** Tests of the order in which samples are taken. */
import { expect, test } from "bun:test";
import { interleave } from "./interleave.ts";

function recording(names: readonly string[]) {
  const order: string[] = [];
  const samplers = names.map((name, place) => ({
    name,
    async sample() {
      order.push(name);
      return { value: place * 100 + order.length, waited: 0 };
    },
  }));
  return { order, samplers };
}

test("interleave() takes a sample of each and turns every other round around", async () => {
  const { order, samplers } = recording(["a", "b", "c"]);
  await interleave(samplers, 3);
  expect(order.join("")).toBe("abccbaabc");
});

test("interleave() gives each sampler's samples in the order of rounds", async () => {
  const { samplers } = recording(["a", "b"]);
  const samples = await interleave(samplers, 2);
  const values = Array.from(samples, ([name, taken]) => [name, taken.map(({ value }) => value)]);
  expect(values).toEqual([
    ["a", [1, 4]],
    ["b", [102, 103]],
  ]);
});

test("interleave() tells after each round how many are done", async () => {
  const told: number[] = [];
  await interleave(recording(["a"]).samplers, 3, (done) => told.push(done));
  expect(told).toEqual([1, 2, 3]);
});

test("interleave() gives those that lack samples more rounds until they have them", async () => {
  const { order, samplers } = recording(["a", "b"]);
  const lacking = (samples: ReadonlyMap<string, readonly object[]>) =>
    samples.get("a")!.length < 6 ? ["a"] : [];
  await interleave(samplers, 4, () => {}, lacking);
  expect(order.join("")).toBe("abbaabbaaa");
  await interleave(
    samplers,
    4,
    () => {},
    () => ["b"],
  );
  expect(order.join("").slice(10)).toBe("abbaabbabb");
});

test("interleave() spares a sampler the rounds that it does not need", async () => {
  const { order, samplers } = recording(["a", "b"]);
  await interleave([samplers[0]!, { ...samplers[1]!, rounds: 1 }], 3);
  expect(order.join("")).toBe("abaa");
});

test("interleave() lets a sampler's error pass", async () => {
  const broken = { name: "a", sample: () => Promise.reject(new Error("no sample")) };
  await expect(interleave([broken], 1)).rejects.toThrow("no sample");
});
