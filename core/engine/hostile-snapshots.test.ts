/**
 * Snapshots that somebody has bent: each is refused with a code, and then nothing has changed, or
 * it is one that could have been taken, and then the session goes on without breaking.
 */
import { describe, expect, test } from "bun:test";
import type { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { BUFFER, BUFFER_AT, HEADER_SHIFT, LENGTH } from "../descriptor/layout.ts";
import { ReelError } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import { Random } from "../random.ts";
import { decodeBlob, encodeBlob, joinBlobs, splitBlobs } from "../state/blob.ts";
import { u32 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { type TestEngine, onMachine, plainLayer, providerOf } from "./engine.fixture.ts";
import { MIXED_OPERATIONS, mixedDriver } from "./mixed-driver.fixture.ts";
import { refusal, unused } from "./restoring.fixture.ts";
import { ENGINE_STATE_VERSION, snapshotEngine } from "./snapshot.ts";

const mixed = (): Provider => providerOf("mixed", MIXED_OPERATIONS, mixedDriver);
/** A service, reads without a buffer, and a layer that adopts. */
const fresh = (): Provider =>
  providerOf(
    "fresh",
    ["read", "plainAdopt"],
    () => {
      const serve = plainLayer(
        "fresh.serve",
        (cx) => cx.after(30),
        (cx) => cx.again(),
      );
      const read = plainLayer(
        "fresh.read",
        (cx) => cx.after(cx.argument),
        (cx) => (cx.bring(Uint8Array.of(1, 2, 3), 0, Math.min(3, cx.length)), cx.done(0)),
      );
      const plainAdopt = plainLayer(
        "fresh.adopt",
        (cx) => cx.ready(),
        (cx) => cx.done(cx.handleOf(cx.adopt())),
      );
      return { operations: { read, plainAdopt }, layers: [serve], service: () => serve };
    },
    { unbuffered: ["read"] },
  );
const both = (): Provider[] => [mixed(), fresh()];
const KINDS = ["session", "table", "lists", "ends", "delivery", "buffers"].map(
  (part) => `engine.${part}`,
);

/** A session with something of everything in it. */
function busySession(): Uint8Array {
  const t = onMachine(both());
  const queue = t.engine.bufferQueue();
  queue.give(t.pool.owned(4));
  queue.give(t.pool.owned(4));
  for (const [operation, name] of MIXED_OPERATIONS.entries()) {
    const buffer = name === "plainWake" ? {} : { buffer: t.pool.owned(16) };
    t.start(operation, { argument: 40 + operation, ...buffer });
    t.start(operation, {
      argument: 90,
      ...(name === "plainWake" ? {} : { buffer: t.pool.owned(4) }),
    });
  }
  const place = { end: 0, operation: 0, buffer: undefined, at: 0, length: 0, offset: 0 };
  t.engine.startQueued({ ...place, argument: 7, autoRelease: false }, queue, t.outcomes);
  t.engine.work();
  t.engine.armNext();
  t.engine.poll(true);
  const end = 1;
  t.engine.services.start(end);
  for (const argument of [0, 20]) t.start(0, { end, argument, length: 8 });
  t.start(1, { end });
  return snapshotEngine(t.engine.state);
}

/** The parts of a snapshot: kind, version and payload of each. */
function partsOf(saved: Uint8Array): { kind: string; version: number; payload: Uint8Array }[] {
  const kinds = [...KINDS, "provider.mixed", "provider.fresh", "machine"];
  return splitBlobs(decodeBlob(saved, "engine").payload).map((blob, i) => {
    const { payload, version } = decodeBlob(blob, kinds[i]!);
    return { kind: kinds[i]!, version, payload: payload.slice() };
  });
}

function joined(
  parts: readonly { kind: string; version: number; payload: Uint8Array }[],
): Uint8Array {
  const blobs = parts.map(({ kind, payload, version }) => encodeBlob(kind, version, payload));
  return encodeBlob("engine", ENGINE_STATE_VERSION, joinBlobs(blobs));
}

const REFUSALS = ["ERR_STATE_CORRUPT", "ERR_STATE_VERSION"];

describe("restoreEngine()", () => {
  test("refuses a snapshot that was cut short or in which a bit differs", () => {
    const saved = busySession();
    const t = unused(both());
    for (let length = 0; length < saved.length; length += 97) {
      expect(refusal(t, saved.subarray(0, length))).toBe("ERR_STATE_CORRUPT");
    }
    for (let bit = 0; bit < saved.length * 8; bit += 1009) {
      const bent = saved.slice();
      bent[bit >> 3]! ^= 1 << (bit & 7);
      expect(refusal(t, bent)).toBe("ERR_STATE_CORRUPT");
    }
    expect(refusal(t, saved)).toBeUndefined();
  });

  test("refuses or survives any change that somebody made and sealed again", () => {
    const saved = busySession();
    const random = new Random(41);
    const outcomes = { refused: 0, restored: 0 };
    const odd = [0, 1, 2, 7, 0x7fffffff, 0x80000000, 0xffffffff, 65536];
    for (let run = 0; run < 2500; run++) {
      const parts = partsOf(saved);
      const { payload } = parts[random.below(parts.length)]!;
      for (let change = random.below(3); change >= 0; change--) {
        const at = random.below(payload.length);
        if (random.chance(0.5)) payload[at] = random.below(256);
        else {
          const view = new DataView(payload.buffer, payload.byteOffset);
          if (at + 4 <= payload.length)
            view.setUint32(at & ~3, odd[random.below(odd.length)]!, true);
        }
      }
      const t = unused(both());
      const code = refusal(t, joined(parts));
      if (code === undefined) {
        outcomes.restored++;
        goOn(t);
      } else {
        outcomes.refused++;
        expect(REFUSALS).toContain(code);
      }
    }
    // Both happen, so that the test looks at both.
    expect(outcomes.refused).toBeGreaterThan(500);
    expect(outcomes.restored).toBeGreaterThan(100);
  });

  test("refuses parts that are missing, swapped or doubled", () => {
    const parts = partsOf(busySession());
    const t = unused(both());
    const blobs = parts.map(({ kind, payload, version }) => encodeBlob(kind, version, payload));
    const arranged = [
      blobs.slice(1),
      blobs.slice(0, -1),
      [...blobs, blobs[0]!],
      [blobs[1]!, blobs[0]!, ...blobs.slice(2)],
      [],
    ];
    for (const each of arranged) {
      expect(refusal(t, encodeBlob("engine", ENGINE_STATE_VERSION, joinBlobs(each)))).toBe(
        "ERR_STATE_CORRUPT",
      );
    }
    expect(refusal(t, encodeBlob("engine", ENGINE_STATE_VERSION + 1, joinBlobs(blobs)))).toBe(
      "ERR_STATE_VERSION",
    );
    expect(refusal(t, encodeBlob("machine", 1, joinBlobs(blobs)))).toBe("ERR_STATE_CORRUPT");
  });
});

/** A restored session may be odd, but it may not break, nor reach beyond a buffer. */
function goOn(t: TestEngine<EmulatedBackend>): void {
  const { i32, table } = t.engine.state;
  for (let round = 0; round < 6; round++) {
    for (let slot = 0; slot < table.highWater; slot++) {
      const header = slot << HEADER_SHIFT;
      const id = i32[header + BUFFER]!;
      if (id === 0 || !t.pool.has(id)) continue;
      const end = i32[header + BUFFER_AT]! + i32[header + LENGTH]!;
      expect(end).toBeLessThanOrEqual(t.pool.get(id).sizeBytes);
    }
    t.engine.work();
    t.engine.armNext();
    t.engine.poll(true);
  }
  t.engine.cancelAll();
  t.engine.work();
}

test("a device that refuses its state leaves everything as it was, whatever it throws", () => {
  const saved = busySession();
  const parts = partsOf(saved);
  const provider = parts.find(({ kind }) => kind === "provider.mixed")!;
  // The device's two bytes are the last, behind their number.
  const shorter = provider.payload.slice(0, -1);
  shorter[shorter.length - 5] = 1;
  provider.payload = shorter;
  expect(refusal(unused(both()), joined(parts))).toBe("ERR_STATE_CORRUPT");
});

test("a driver that cannot make its resource anew leaves everything as it was", () => {
  const log: string[] = [];
  const fragile = (fail: boolean): Provider =>
    providerOf("glass", ["read"], (cx) => {
      const records = cx.records("pane", struct({ panes: u32 }));
      return {
        operations: {
          read: plainLayer(
            "glass.read",
            (run) => run.after(5),
            (run) => run.done(0),
          ),
        },
        open(resource) {
          records.at(resource).panes = 3;
        },
        snapshot: () => Uint8Array.of(1, 2),
        restore(resource, extra) {
          log.push(`restore ${resource} ${records.at(resource).panes} ${extra.join()}`);
          if (fail && resource === 1) throw new ReelError("EMFILE", "Cannot make another pane");
        },
        closeEnd: (resource, end) => void log.push(`closeEnd ${resource} ${end}`),
        release: (resource) => void log.push(`release ${resource}`),
      };
    });
  const t = onMachine([fragile(false)]);
  t.open(0, 1);
  t.start(0, { buffer: t.pool.owned(4) });
  const saved = snapshotEngine(t.engine.state);
  const again = unused([fragile(true)]);
  expect(refusal(again, saved)).toBe("EMFILE");
  expect(log).toEqual(["restore 0 3 1,2", "restore 1 3 1,2", "closeEnd 0 0", "release 0"]);
  expect([...again.engine.state.providers[0]!.openEnds]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
  const whole = unused([fragile(false)]);
  expect(refusal(whole, saved)).toBeUndefined();
  expect(whole.engine.state.ends.used).toBe(2);
});
