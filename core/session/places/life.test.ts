/** The whole life of an operation, against its events as they are picked out by hand. */
import { describe, expect, test } from "bun:test";
import { COMPLETE_MORE } from "../../backend/contract.ts";
import { Random } from "../../random.ts";
import type { SessionEvent } from "../event.ts";
import { randomEvents, recordedOf, refusal } from "../session.fixture.ts";
import type { MemorySegments } from "../segment.ts";
import { TableCollector } from "./collector.ts";
import type { CheckpointRow } from "./collector.ts";
import { lifeOf } from "./life.ts";
import { tableAt } from "./walker.ts";

const events = randomEvents(21, 8000);
const recorded = recordedOf(events);
const collector = new TableCollector();
const rows: CheckpointRow[] = [];
for (const segment of (recorded.source as MemorySegments).segments) {
  rows.push(...collector.segment(segment).checkpoints);
}
const withRows = {
  source: recorded.source,
  eventCount: recorded.eventCount,
  checkpointAt: (sequence: number) => rows.findLast((row) => row.sequence <= sequence),
};

/** Numbers of the events of each operation, and how it ended. */
function livesByHand(): { numbers: number[]; result: number | undefined }[] {
  const lives: { numbers: number[]; result: number | undefined }[] = [];
  const bySlot = new Map<number, number[]>();
  for (const [sequence, event] of events.entries()) {
    if (!("slot" in event)) continue;
    if (event.kind === "submit" || event.kind === "start") {
      // These random events begin in slots in use too: the one before then never ends.
      const numbers = [sequence];
      bySlot.set(event.slot, numbers);
      lives.push({ numbers, result: undefined });
      continue;
    }
    const numbers = bySlot.get(event.slot);
    if (numbers === undefined) continue;
    numbers.push(sequence);
    if (isLast(event)) {
      lives.find((life) => life.numbers === numbers)!.result = event.result;
      bySlot.delete(event.slot);
    }
  }
  return lives;
}

function isLast(event: SessionEvent): event is SessionEvent & { kind: "settle" } {
  if (event.kind === "settle") return true;
  return event.kind === "complete" && (event.flags & COMPLETE_MORE) === 0;
}

describe("lifeOf()", () => {
  test("lifeOf() gives all events of an operation, with checkpoints and without", () => {
    expect(rows.length).toBeGreaterThan(1);
    const lives = livesByHand();
    expect(lives).toHaveLength(tableAt(recorded, recorded.eventCount).operations);
    const random = new Random(9);
    for (let round = 0; round < 60; round++) {
      const number = random.below(lives.length) + 1;
      const { numbers, result } = lives[number - 1]!;
      if (result === undefined) continue;
      for (const places of [withRows, recorded]) {
        const life = lifeOf(places, number);
        expect(life.events.map(({ sequence }) => sequence)).toEqual(numbers);
        expect(life).toMatchObject({ number, eventCount: numbers.length, ended: { result } });
        expect(life.begun).toMatchObject({ number, sequence: numbers[0]! });
      }
    }
    const beyond = lives.length + 1;
    expect(refusal(() => lifeOf(withRows, beyond)).message).toContain(`${lives.length}`);
    expect(refusal(() => lifeOf(recorded, 0)).code).toBe("ERR_USAGE");
  });

  test("lifeOf() keeps the first events and the last of an operation with many results", () => {
    const submit = { file: 1, length: 0, offset: -1, opFlags: 0, how: 0, digest: undefined };
    const many: SessionEvent[] = [{ kind: "submit", slot: 0, opcode: 13, ...submit }];
    for (let i = 0; i < 1000; i++) {
      many.push({ kind: "complete", slot: 0, result: i, flags: COMPLETE_MORE, bytes: undefined });
    }
    many.push({ kind: "complete", slot: 0, result: -125, flags: 0, bytes: undefined });
    const life = lifeOf(recordedOf(many), 1);
    expect(life.eventCount).toBe(1002);
    expect(life.events).toHaveLength(201);
    expect(life.events.at(-1)!.event).toMatchObject({ result: -125 });
    expect(lifeOf(recordedOf(many.slice(0, 500)), 1).ended).toBeUndefined();
  });
});
