/** Tests of the harness: what becomes of samples, of missing tools and of errors. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { measureTopic } from "./measure.ts";
import { formatReport } from "./report.ts";
import {
  CALIBRATION,
  CALIBRATION_REFERENCE_NS,
  type Medians,
  type Plan,
  type Row,
  type Topic,
} from "./topic.ts";

const EFFORT = { rounds: 3, sampleMs: 1, warmUpMs: 1, distributionMs: 1 };

/** A subject that behaves as its argument says; fixed operations spare it the warm-up. */
function odd(argument: string, more: { fresh?: boolean } = {}): Plan {
  const module = join(import.meta.dir, "./fixtures/odd-subject.fixture.ts");
  return { from: "subject", module, argument, unit: "ns/op", operations: 1, ...more };
}

function topicOf(samplers: Record<string, Plan>, rows: readonly Partial<Row>[]): Topic {
  const whole = rows.map((row) => ({
    name: "row",
    better: "lower" as const,
    target: 1,
    digits: 1,
    needs: Object.keys(samplers),
    value: () => 1,
    ...row,
  }));
  return {
    name: "test",
    samplers: { [CALIBRATION]: odd("constant:110"), ...samplers },
    rows: whole,
  };
}

const measured = (topic: Topic) => measureTopic(topic, topic.rows, EFFORT, () => {});

test("measureTopic() works out each row from medians and says whether it holds", async () => {
  const report = await measured(
    topicOf({ a: odd("constant:30"), b: odd("constant:20", { fresh: true }) }, [
      { name: "lower", target: 1.5, value: (median) => median("a") / median("b") },
      { name: "too high", target: 1.4, value: (median) => median("a") / median("b") },
      { name: "higher", better: "higher", target: 1.5, value: (median) => median("a") / 20 },
      { name: "too low", better: "higher", target: 1.6, value: (median) => median("a") / 20 },
    ]),
  );
  expect(report.ratios).toEqual([
    { name: "lower", value: 1.5, target: 1.5, better: "lower", holds: true },
    { name: "too high", value: 1.5, target: 1.4, better: "lower", holds: false },
    { name: "higher", value: 1.5, target: 1.5, better: "higher", holds: true },
    { name: "too low", value: 1.5, target: 1.6, better: "higher", holds: false },
  ]);
  expect(report.raw.samplers.map(({ name, samples }) => [name, samples])).toEqual([
    [CALIBRATION, [110, 110, 110]],
    ["a", [30, 30, 30]],
    ["b", [20, 20, 20]],
  ]);
});

test("measureTopic() scales targets that are rates by the calibration loop", async () => {
  const report = await measured(
    topicOf({ a: odd("constant:1") }, [
      { name: "rate", target: 60, isRate: true },
      { name: "ratio", target: 60 },
      { name: "per second", target: 60, isRate: true, better: "higher" },
    ]),
  );
  expect(report.machine.calibrationNs).toBe(110);
  expect(report.machine.calibrationReferenceNs).toBe(CALIBRATION_REFERENCE_NS);
  expect(report.ratios.map(({ target }) => target)).toEqual([30, 60, 120]);
});

test("measureTopic() names what is measured besides after its sampler", async () => {
  const topic = topicOf({ a: odd("constant:30") }, [{ value: (median) => median("a: twice") }]);
  const report = await measured(topic);
  expect(report.ratios[0]).toMatchObject({ value: 60 });
  expect(report.raw.samplers.at(-1)).toMatchObject({ name: "a", metrics: { twice: 60 } });
  expect(formatReport(report, topic.rows)).toMatch(/measured besides +twice\n.+\na +60$/);
});

test("measureTopic() reports a row without a target, which cannot fail", async () => {
  const topic = topicOf({ a: odd("constant:30") }, [
    { name: "first", digits: 2, target: undefined, value: (median: Medians) => median("a") },
  ] as unknown as Partial<Row>[]);
  const report = await measured(topic);
  expect(report.ratios[0]).toMatchObject({ value: 30, target: null, holds: true });
  expect(formatReport(report, topic.rows)).toMatch(/^first +30\.00 +- +reported +0 %$/m);
});

test("measureTopic() has no value and a reason for what the machine lacks", async () => {
  const report = await measured(
    topicOf({ a: odd("unavailable"), b: odd("constant:7") }, [
      { name: "needs it", value: (median) => median("a") },
      { name: "can do without", needs: ["b"], also: ["a"], value: (median) => median("a", 0) },
    ]),
  );
  const reason = "There is no such kernel (Get one)";
  expect(report.ratios).toEqual([
    { name: "needs it", value: null, target: 1, better: "lower", holds: false, reason },
    { name: "can do without", value: 0, target: 1, better: "lower", holds: true },
  ]);
  expect(report.raw.missing).toEqual([{ name: "a", reason }]);
});

test("measureTopic() opens only what the wanted rows compare", async () => {
  const topic = topicOf({ a: odd("constant:1"), b: odd("throws at start") }, [
    { name: "a", needs: ["a"] },
    { name: "b", needs: ["b"] },
  ]);
  const report = await measureTopic(topic, [topic.rows[0]!], EFFORT, () => {});
  expect(report.raw.samplers.map(({ name }) => name)).toEqual([CALIBRATION, "a"]);
});

test("measureTopic() throws what a subject threw, with the subject's name", async () => {
  for (const argument of ["throws at start", "throws in a sample"]) {
    const topic = topicOf({ a: odd(argument) }, [{}]);
    const where = argument.replace("throws ", "").replace("at start", "at the start");
    const message = `Cannot measure a: Error: It broke ${where}`;
    await expect(measured(topic)).rejects.toThrow(message);
  }
});

test("measureTopic() throws when a subject's process ends before it answers", async () => {
  await expect(measured(topicOf({ a: odd("exits") }, [{}]))).rejects.toThrow(
    "Cannot measure a: it ended with 3",
  );
});

test("measureTopic() throws when a row takes what it does not name", async () => {
  const topic = topicOf({ a: odd("constant:1") }, [{ value: (median) => median("b") }]);
  await expect(measured(topic)).rejects.toThrow('it does not name "b" in its needs');
});

test("formatReport() shows value, target, verdict, what is missing and the machine", async () => {
  const topic = topicOf({ a: odd("constant:30"), b: odd("unavailable") }, [
    { name: "first", needs: ["a"], target: 40, digits: 2, value: (median) => median("a") },
    { name: "second", needs: ["a"], target: 20, value: (median) => median("a") },
    { name: "third", needs: ["b"] },
  ]);
  const report = await measured(topic);
  const text = formatReport(report, topic.rows);
  expect(text).toContain("calibration loop 110 ns");
  expect(text).toContain(`bun ${Bun.version}`);
  expect(text).toMatch(/^first +30\.00 +≤ 40\.00 +yes +0 %$/m);
  expect(text).toMatch(/^second +30\.0 +≤ 20\.0 +NO +0 %$/m);
  expect(text).toMatch(/^third +- +≤ 1\.0 +not measured +-$/m);
  expect(text).toContain("not measured: third: There is no such kernel (Get one)");
});
