/**
 * A scenario in TypeScript, for what is shorter as a program: eight workers, each with a pipe of
 * its own, are spawned by a master and send what they were given.
 *
 * Run: ioreel run examples/workers.ts --backend emulated --seed 3
 * Expect: joined 8 tasks
 * Expect: worker8.written and worker8Reader.read are the same bytes
 */
import { scenario, type Scenario, type Step } from "ioreel";

const numbers = Array.from({ length: 8 }, (_, index) => index + 1);

const devices: NonNullable<Scenario["devices"]> = Object.fromEntries(
  numbers.map((number) => [`pipe${number}`, { kind: "pipe", capacityBytes: "4KiB" }]),
);

const tasks: Record<string, Step[]> = {
  master: [
    ...numbers.map((number): Step => ({ spawn: `worker${number}` })),
    { join: numbers.map((number) => `worker${number}`) },
    { mark: "all workers are done" },
  ],
};
for (const number of numbers) {
  const sizeBytes = number * 5000;
  tasks[`worker${number}`] = [
    { write: { to: `pipe${number}`, pattern: "random", sizeBytes } },
    { close: `pipe${number}.writer` },
  ];
  tasks[`worker${number}Reader`] = [
    { read: { from: `pipe${number}`, chunkBytes: "1KiB", pauseNs: "100us" } },
  ];
}

export default scenario({
  version: 1,
  name: "workers",
  about: "Eight workers, each with a pipe of its own.",
  devices,
  tasks,
  expect: {
    sameBytes: numbers.map((number) => [`worker${number}.written`, `worker${number}Reader.read`]),
  },
});
