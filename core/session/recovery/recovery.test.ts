/**
 * What is left of a session whose process died: every event that it had written, whenever it died,
 * and nothing else, whatever the tail holds.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Random } from "../../random.ts";
import { openRecording, startRecording } from "../recording.ts";
import { HEADER, play, randomEvents, refusal, temporaryFolder } from "../session.fixture.ts";
import type { SessionEvent } from "../event.ts";
import { FRAME_WORD, TAIL_WORD, tailPath } from "../tail/layout.ts";
import { processStart } from "../tail/process-start.ts";
import { copyAsLeft, filesOf, killAfter, spawnRecorder } from "./recovery.fixture.ts";
import { unreadTail, writeRecovered } from "./write-recovered.ts";

const TIMEOUT_MS = 60_000;

const eventsOf = (path: string): SessionEvent[] => {
  using recording = openRecording(path);
  return [...recording.events()].map(({ event }) => event);
};

/** A recording that its process left after so many events. */
function leftAfter(
  folder: { path(name: string): string },
  events: readonly SessionEvent[],
): string {
  const path = folder.path("live.reel");
  const recording = startRecording(path, HEADER);
  for (const event of events) play(recording.tap, event);
  const left = folder.path("left.reel");
  copyAsLeft(path, left);
  recording.finish();
  return left;
}

describe("openRecording() of a session whose process died", () => {
  test("gives every event up to the last one written, at any event", () => {
    using folder = temporaryFolder();
    const events = randomEvents(3, 150);
    const path = folder.path("a.reel");
    const { tap } = startRecording(path, HEADER);
    const left = folder.path("left.reel");
    for (const [index, event] of events.entries()) {
      play(tap, event);
      if (index % 7 !== 0) continue;
      copyAsLeft(path, left);
      using recording = openRecording(left);
      const { info } = recording;
      expect(info).toMatchObject({ state: "recovered", eventCount: index + 1 });
      expect(info.recovered).toMatchObject({ fromTail: index + 1, isWhole: true });
      expect([...recording.events()].map((placed) => placed.event)).toEqual(
        events.slice(0, index + 1),
      );
    }
  });

  test(
    "loses no event that it told of when it is killed at any moment",
    async () => {
      const random = new Random(5);
      const events = randomEvents(8, 6000);
      for (let round = 0; round < 4; round++) {
        using folder = temporaryFolder();
        const path = folder.path("killed.reel");
        const told = await killAfter(spawnRecorder(path, 8, 6000), 1 + random.below(250));
        const before = filesOf(dirname(path));
        const found = eventsOf(path);
        expect(found.length).toBeGreaterThanOrEqual(told);
        expect(found).toEqual(events.slice(0, found.length));
        expect(filesOf(dirname(path))).toEqual(before);
      }
    },
    TIMEOUT_MS,
  );

  test("says how the run ended when only its archiving was cut short", () => {
    using folder = temporaryFolder();
    const left = leftAfter(folder, randomEvents(4, 20));
    using recording = openRecording(left);
    expect(recording.info).toMatchObject({ state: "recovered", outcome: "ok" });
    expect(recording.complete).toBe(true);
  });

  test("finds the tail behind a link, and takes no other recording's", () => {
    using folder = temporaryFolder();
    const events = randomEvents(4, 20).slice(0, -1);
    const left = leftAfter(folder, events);
    const link = folder.path("link.reel");
    symlinkSync(left, link);
    expect(eventsOf(link)).toEqual(events);
    const other = folder.path("other.reel");
    startRecording(other, HEADER).finish();
    const foreign = folder.path("foreign.reel");
    const { tap } = startRecording(foreign, HEADER);
    play(tap, events[0]!);
    copyAsLeft(foreign, folder.path("mixed.reel"));
    writeFileSync(tailPath(folder.path("mixed.reel")), readFileSync(tailPath(left)));
    using mixed = openRecording(folder.path("mixed.reel"));
    expect(mixed.info).toMatchObject({ state: "recovered", eventCount: 0 });
  });

  test("is recording while its process lives, whatever has a dead one's number by now", () => {
    using folder = temporaryFolder();
    const path = folder.path("a.reel");
    const { tap } = startRecording(path, HEADER);
    tap.mark("one");
    const state = (): string => {
      using recording = openRecording(path);
      return recording.info.state;
    };
    const claim = join(dirname(path), `.${basename(path)}.lock`);
    expect(readFileSync(claim, "utf8")).toBe(`${process.pid} ${processStart(process.pid)}`);
    expect(state()).toBe("recording");
    expect(refusal(() => writeRecovered(path)).code).toBe("ERR_STORE");
    writeFileSync(claim, `${process.pid} 17`);
    expect(state()).toBe("recovered");
  });
});

/** Why no folder can be made read-only here, where files of root's can be written to anyhow. */
const isolated = Bun.spawnSync(["unshare", "-m", "true"]).exitCode === 0;
if (!isolated) console.warn("SKIPPED: a recording in a read-only folder: unshare -m is refused");

describe("a recording with a log in a read-only folder", () => {
  test.skipIf(!isolated)("openRecording() reads it all, and leaves nothing behind", async () => {
    using folder = temporaryFolder();
    const path = folder.path("killed.reel");
    await killAfter(spawnRecorder(path, 8, 6000), 150);
    const wanted = eventsOf(path).length;
    rmSync(`${path}-shm`, { force: true });
    const module = JSON.stringify(join(import.meta.dirname, "../recording.ts"));
    const script = `
      const { openRecording } = await import(${module});
      using recording = openRecording(${JSON.stringify(path)});
      console.log(recording.eventCount, recording.info.state);
    `;
    const at = dirname(path);
    const mount = `mount --bind ${at} ${at} && mount -o remount,ro,bind ${at}`;
    const shell = `${mount} && exec "$0" -e "$1"`;
    const child = Bun.spawnSync(["unshare", "-m", "sh", "-c", shell, process.execPath, script]);
    expect(String(child.stdout) + String(child.stderr)).toBe(`${wanted} recovered\n`);
    expect(existsSync(`${path}-shm`)).toBe(false);
  });
});

describe("a damaged tail", () => {
  test(
    "gives a beginning of what was recorded, or nothing, in 300 cases",
    () => {
      using folder = temporaryFolder();
      const events = randomEvents(6, 900).slice(0, -1);
      const left = leftAfter(folder, events);
      const random = new Random(9);
      const whole = new Uint8Array(readFileSync(tailPath(left)));
      const texts = eventsOf(left).map((event) => JSON.stringify(event));
      const frame = 64 * 1024;
      const places: (() => number)[] = [
        () => random.below(64),
        () => TAIL_WORD.DIRECTORY * 4 + random.below(16),
        () => frame + random.below(64),
        () => frame + FRAME_WORD.LENGTH * 4 + random.below(4),
        () => frame + 64 + random.below(70_000),
      ];
      let [shorter, lost, compared] = [0, 0, 0];
      for (let round = 0; round < 300; round++) {
        const bytes = whole.slice();
        const at = places[random.below(places.length)]!();
        if (random.chance(0.2)) random.fill(bytes.subarray(at, at + 1 + random.below(300)));
        else bytes[at]! ^= 1 << random.below(8);
        const size = random.chance(0.1) ? random.below(300_000) : bytes.length;
        writeFileSync(tailPath(left), bytes.subarray(0, Math.min(size, 400_000)));
        using recording = openRecording(left, { verify: "as-read" });
        const { eventCount, recovered, state } = recording.info;
        expect(state).toBe("recovered");
        if (eventCount < events.length) shorter++;
        if (recovered!.lostBytes > 0) lost++;
        // The commit word of the open frame is believed; whatever else is gone is noticed.
        if (size < 100_000 && eventCount < events.length) expect(recovered!.isWhole).toBe(false);
        // A flipped bit in the open frame, which has no checksum yet, may be another event's.
        const sealed = recovered!.segments > 1 ? recording.source.segmentAt(0)!.eventCount : 0;
        for (const { event, sequence } of recording.events(0, sealed - 1)) {
          if (JSON.stringify(event) !== texts[sequence])
            throw new Error(`event ${sequence} differs`);
          compared++;
        }
      }
      expect(compared).toBeGreaterThan(1000);
      expect(shorter).toBeGreaterThan(40);
      expect(lost).toBeGreaterThan(8);
    },
    TIMEOUT_MS,
  );
});

describe("writeRecovered()", () => {
  test("keeps a tail whose numbers are negative zeros from passing as what it is not", () => {
    using folder = temporaryFolder();
    const left = leftAfter(folder, randomEvents(4, 150));
    const tail = new Uint8Array(readFileSync(tailPath(left)));
    for (const word of [FRAME_WORD.FIRST_SEQUENCE, FRAME_WORD.TIME_FIRST]) {
      const damaged = tail.slice();
      const at = new Int32Array(damaged.buffer)[TAIL_WORD.DIRECTORY]!;
      new DataView(damaged.buffer).setFloat64(at + word * 4, -0, true);
      writeFileSync(tailPath(left), damaged);
      using recording = openRecording(left);
      expect(recording.info.recovered).toMatchObject({ fromTail: 0, isWhole: false });
    }
    writeRecovered(left);
    using recovered = openRecording(left);
    expect(recovered.eventCount).toBe(0);
    // Nothing was read of the tail: it is kept for whoever can make something of it.
    expect(existsSync(tailPath(left))).toBe(false);
    expect(new Uint8Array(readFileSync(unreadTail(left)))[0]).toBe(tail[0]!);
  });

  test("leaves one file with all events, the same uuid and the same digest", () => {
    using folder = temporaryFolder();
    const events = randomEvents(7, 4000).slice(0, -1);
    const left = leftAfter(folder, events);
    const before = openRecording(left);
    const { digest, uuid } = before.info;
    before.close();
    expect(writeRecovered(left).recovered).toBeDefined();
    const names = readdirSync(dirname(left)).filter((name) => name.includes("left"));
    expect(names).toEqual(["left.reel"]);
    using after = openRecording(left);
    expect(after.info).toMatchObject({ state: "recovered", digest, uuid });
    expect(after.info.recovered).toBeUndefined();
    expect(eventsOf(left)).toEqual(events);
    const bytes = readFileSync(left);
    expect(writeRecovered(left).state).toBe("recovered");
    expect(readFileSync(left)).toEqual(bytes);
  });
});
