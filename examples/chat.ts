/**
 * Ten people on ten hosts sit in a circle, far from each other: each talks to the one on the right,
 * listens to the one on the left, and passes a rumour on. A minute of it takes a fraction of a
 * second, because nobody waits for virtual time.
 *
 * Run: ioreel run examples/chat.ts --seed 3
 * Expect: rumour, whisper1.written and heard10 are the same bytes
 * Expect: talk10.written and listen1.read are the same bytes
 * Expect: 10 hosts have been heard
 */
import { scenario, type Step } from "ioreel";

const PEOPLE = 10;
const LINES = 60;

const people = Array.from({ length: PEOPLE }, (_, index) => index + 1);
const rightOf = (person: number): number => (person % PEOPLE) + 1;

const devices: Record<string, { kind: string; [option: string]: unknown }> = {};
const tasks: Record<string, Step[]> = {};
for (const person of people) {
  const host = `host${person}`;
  devices[`ear${person}`] = { kind: "tcp", role: "listen", host };
  devices[`hand${person}`] = { kind: "tcp", role: "listen", host, port: 7 };
  tasks[`talk${person}`] = [
    { connect: { to: `ear${rightOf(person)}`, as: "right", from: host } },
    {
      repeat: {
        times: LINES,
        do: [
          { write: { to: "right", text: `${host}: what do you say?\n` } },
          { sleep: `${900 + 20 * person}ms` },
        ],
      },
    },
    { end: "right" },
    { read: "right" },
  ];
  tasks[`listen${person}`] = [
    { accept: { from: `ear${person}`, as: "left" } },
    { read: { from: "left", chunkBytes: "1KiB" } },
  ];
  // The first has the rumour from the beginning, the others from the left.
  const hear: Step[] = [
    { accept: { from: `hand${person}`, as: "left" } },
    { read: { from: "left", as: `heard${person}` } },
    { close: "left" },
  ];
  const tell: Step[] = [
    { connect: { to: `hand${rightOf(person)}`, as: "right", from: host } },
    { write: { to: "right", from: person === 1 ? "rumour" : `heard${person}` } },
    { end: "right" },
    { read: "right" },
  ];
  if (person === 1) tasks["whisper1"] = tell;
  else tasks[`whisper${person}`] = person === PEOPLE ? hear : [...hear, ...tell];
}
tasks["host"] = [
  { join: people.map((person) => `listen${person}`) },
  { mark: `${PEOPLE} hosts have been heard` },
];

export default scenario({
  version: 1,
  name: "chat",
  about: "Ten people on ten hosts talk in a circle.",
  backend: "emulated",
  settings: { tcp: { otherLinks: { latencyNs: "20ms", jitterNs: "5ms" } } },
  inputs: { rumour: "LICENSE" },
  devices,
  tasks,
  expect: {
    durationNsMin: "54s",
    durationNsMax: "90s",
    sameBytes: [
      ["rumour", "whisper1.written", `heard${PEOPLE}`],
      ...people.map((person) => [`talk${person}.written`, `listen${rightOf(person)}.read`]),
    ],
  },
});
