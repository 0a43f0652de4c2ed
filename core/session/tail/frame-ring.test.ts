/** The ring of frames: what is not committed is never written over, and the ring is used up. */
import { expect, test } from "bun:test";
import { Random } from "../../random.ts";
import { FrameRing } from "./frame-ring.ts";
import { FRAME_HEADER_BYTES, FRAME_KIND, FRAME_ROOM_BYTES, TAIL_BYTES } from "./layout.ts";

function memory(sizeBytes: number) {
  const bytes = new Uint8Array(sizeBytes);
  return { bytes, words: new Int32Array(bytes.buffer), floats: new Float64Array(bytes.buffer) };
}

test("FrameRing never places a frame over one that is not committed, in any order of sizes", () => {
  const random = new Random(3);
  const tail = memory(TAIL_BYTES);
  const ring = new FrameRing(tail);
  const end = { codec: 1, eventCount: 1, timeLastNs: 0, crc32: 0 };
  /** Marks of the frames that are still needed: where, how long, with which byte. */
  const live: { ordinal: number; room: Uint8Array; byte: number }[] = [];
  const check = (): void => {
    for (const { room, byte } of live) {
      expect(room[0] === byte && room[room.length - 1] === byte).toBe(true);
    }
  };
  let committed = 0;
  let waited = 0;
  for (let round = 0; round < 5000; round++) {
    const room = FRAME_ROOM_BYTES;
    while (!ring.fits(room, committed)) {
      live.splice(0, live.filter(({ ordinal }) => ordinal === committed).length);
      committed++;
      waited++;
    }
    ring.openFrame({ kind: FRAME_KIND.EVENTS, firstSequence: round, timeFirstNs: 0 }, committed);
    const ordinal = ring.open;
    const behind = random.chance(0.2) ? 1 + random.below(90_000) : 0;
    if (behind > 0 && ring.fits(FRAME_HEADER_BYTES + behind, committed)) {
      const start = { kind: FRAME_KIND.SNAPSHOT, firstSequence: round, timeFirstNs: 0 };
      ring.placeBehind(start, { bytes: behind, inFile: false }, committed, (into, number) => {
        into.fill(number & 0xff);
        live.push({ ordinal: number, room: into, byte: number & 0xff });
        return end;
      });
    }
    const length = 1 + random.below(ring.room.length);
    const used = ring.room.subarray(0, length).fill(ordinal & 0xff);
    live.push({ ordinal, room: used, byte: ordinal & 0xff });
    live.sort((a, b) => a.ordinal - b.ordinal);
    ring.sealFrame(length, end);
    check();
    expect(ring.sealed).toBeGreaterThan(ordinal);
  }
  expect(waited).toBeGreaterThan(4000);
});
