/**
 * Random damage to recordings, and the judgement of what comes of it. A recording is copied, and
 * the copy damaged from a seed; then it is opened. Either it is refused, with a ReelError, before
 * the first event, or nothing that means anything has changed: same header, same attachments, same
 * events. SQLite notices almost none of this by itself.
 */
import { Database } from "bun:sqlite";
import { readFileSync, writeFileSync } from "node:fs";
import { ReelError } from "../errors.ts";
import { Random } from "../random.ts";
import { openRecording, startRecording } from "./recording.ts";
import type { Recording } from "./recording.ts";
import { HEADER, play, randomEvents } from "./session.fixture.ts";

export const PAGE_BYTES = 8192;
const REFUSALS = new Set(["ERR_CORRUPT_RECORDING", "ERR_INCOMPATIBLE_RECORDING", "ERR_STORE"]);

/** Damages the bytes of a file; may give back others. */
export type Damage = (bytes: Uint8Array, random: Random) => Uint8Array;

export interface Outcome {
  refused: number;
  harmless: number;
}

/** Everything in a recording that means something. */
export function contents(recording: Recording): string {
  const { info } = recording;
  const attachments = info.attachments.map(({ name }) => recording.attachment(name)!.toHex());
  const hasher = new Bun.CryptoHasher("sha256");
  for (const { sequence, event } of recording.events()) {
    const bytes = "bytes" in event ? (event.bytes?.toHex() ?? "") : "";
    hasher.update(JSON.stringify([sequence, { ...event, bytes }]));
  }
  return JSON.stringify([{ ...info, path: "" }, attachments, hasher.digest("hex")]);
}

/** A recording with something in each of its tables: marks, checkpoints and states too. */
export function recordAllTables(path: string, seed: number, turns: number): void {
  const recording = startRecording(path, HEADER);
  const { tap } = recording;
  const random = new Random(seed);
  const bytes = new Uint8Array(20_000);
  for (const event of randomEvents(seed, turns)) {
    play(tap, event);
    if (!tap.wantsState) continue;
    random.fill(bytes.subarray(0, 300));
    tap.state([{ name: "engine.table", version: 1, bytes }]);
  }
  recording.finish();
}

/** Opens damaged copies of a recording and judges each. @throws when one is taken for sound */
export function judgeDamage(
  path: string,
  copy: string,
  rounds: number,
  random: Random,
  damage: Damage,
): Outcome {
  const whole = new Uint8Array(readFileSync(path));
  const opened = openRecording(path);
  const wanted = contents(opened);
  const { digest } = opened;
  opened.close();
  const outcome = { refused: 0, harmless: 0 };
  for (let round = 0; round < rounds; round++) {
    writeFileSync(copy, damage(whole.slice(), random));
    try {
      using recording = openRecording(copy);
      if (recording.digest !== digest || contents(recording) !== wanted) {
        throw new Error(`Damage number ${round} was taken for sound: see ${copy}`);
      }
      outcome.harmless++;
    } catch (error) {
      if (!(error instanceof ReelError) || !REFUSALS.has(error.code) || !error.mend) throw error;
      outcome.refused++;
    }
  }
  return outcome;
}

/** A byte that is not zero: most of a small file is empty space on its pages. */
function somewhere(bytes: Uint8Array, random: Random): number {
  for (;;) {
    const at = random.below(bytes.length);
    if (bytes[at] !== 0) return at;
  }
}

/** Whether a page is in use: the root of an empty table has no cells (file format §1.6). */
function used(bytes: Uint8Array, page: number): boolean {
  const at = page * PAGE_BYTES;
  const leaf = bytes[at] === 0x0d || bytes[at] === 0x0a;
  return page === 0 || !leaf || bytes[at + 3] !== 0 || bytes[at + 4] !== 0;
}

/** One bit, somewhere. */
export const flip: Damage = (bytes, random) => {
  const at = somewhere(bytes, random);
  bytes[at] = bytes[at]! ^ (1 << random.below(8));
  return bytes;
};

/** One bit of the pages of schema and header. */
export const flipHead: Damage = (bytes, random) => {
  const at = random.below(600);
  bytes[at] = bytes[at]! ^ (1 << random.below(8));
  return bytes;
};

export const cutOff: Damage = (bytes, random) => bytes.slice(0, random.below(bytes.length));

export const cutAtPage: Damage = (bytes, random) =>
  bytes.slice(0, PAGE_BYTES * random.below(bytes.length / PAGE_BYTES));

/** A run of bytes that something else was written over. */
export const overwrite: Damage = (bytes, random) => {
  const at = somewhere(bytes, random);
  const length = Math.min(1 + random.below(600), bytes.length - at);
  random.fill(bytes.subarray(at, at + length));
  return bytes;
};

/** Two pages in use in each other's place. */
export const swapPages: Damage = (bytes, random) => {
  const pages = Array.from({ length: bytes.length / PAGE_BYTES }, (_, page) => page);
  const inUse = pages.filter((page) => used(bytes, page));
  const at = random.below(inUse.length - 1);
  const first = inUse[at]!;
  const second = inUse[at + 1 + random.below(inUse.length - at - 1)]!;
  const kept = bytes.slice(first * PAGE_BYTES, (first + 1) * PAGE_BYTES);
  bytes.copyWithin(first * PAGE_BYTES, second * PAGE_BYTES, (second + 1) * PAGE_BYTES);
  bytes.set(kept, second * PAGE_BYTES);
  return bytes;
};

/** A page that is empty, or comes from another recording. */
export const foreignPage =
  (other: Uint8Array): Damage =>
  (bytes, random) => {
    const pages = Math.min(bytes.length, other.length) / PAGE_BYTES;
    const at = random.below(pages) * PAGE_BYTES;
    if (random.chance(0.5)) bytes.fill(0, at, at + PAGE_BYTES);
    else bytes.set(other.subarray(at, at + PAGE_BYTES), at);
    return bytes;
  };

/** What may be done to the rows of segments with SQL, no seal of the header changed. */
const ROW_DAMAGES: readonly ((first: number, second: number) => string)[] = [
  (first) => `DELETE FROM segment WHERE first_sequence = ${first}`,
  (first, second) =>
    `UPDATE segment SET data = (SELECT data FROM segment WHERE first_sequence = ${second}),
     raw_length = (SELECT raw_length FROM segment WHERE first_sequence = ${second})
     WHERE first_sequence = ${first}`,
  (first, second) =>
    `UPDATE segment SET first_sequence = CASE first_sequence WHEN ${first} THEN -1 - ${second}
     ELSE -1 - ${first} END WHERE first_sequence IN (${first}, ${second});
     UPDATE segment SET first_sequence = -1 - first_sequence WHERE first_sequence < 0`,
  (first) => `UPDATE segment SET event_count = event_count + 1 WHERE first_sequence = ${first}`,
  () => "DELETE FROM segment WHERE first_sequence = (SELECT max(first_sequence) FROM segment)",
];

/** A segment that is dropped, or changes places with another one. */
export const damageRows: Damage = (bytes, random) => {
  const database = Database.deserialize(bytes);
  const rows = database.query("SELECT first_sequence FROM segment").values().flat() as number[];
  const first = random.below(rows.length - 1);
  const second = first + 1 + random.below(rows.length - first - 1);
  const damage = ROW_DAMAGES[random.below(ROW_DAMAGES.length)]!;
  for (const statement of damage(rows[first]!, rows[second]!).split(";")) database.run(statement);
  const damaged = new Uint8Array(database.serialize());
  database.close();
  return damaged;
};
