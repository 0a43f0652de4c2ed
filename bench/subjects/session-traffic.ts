/** Makes large recordings quickly: reads as a disk has them, told to a recorder without a disk. */
import { OPCODE } from "../../core/backend/contract.ts";
import { Random } from "../../core/random.ts";
import { startRecording } from "../../core/session/recording.ts";
import { HEADER } from "./session-folder.ts";

/** Reads that are handed over together and complete together. */
const BATCH = 64;
const TURN_NS = 50_000;
const READ_BYTES = 4096;
const BLOCKS = 1 << 14;
/** What payloads are taken from: more than a segment, so that none has the same twice. */
const NOISE_BYTES = 1 << 20;

export interface Traffic {
  /** Events of the recording, at least. */
  readonly events: number;
  /** Whether what the reads bring in is kept: bytes that do not pack. */
  readonly payload?: boolean;
}

/**
 * Records reads.
 * @param path where
 * @returns how many events it became
 */
export function recordTraffic(path: string, { events, payload = false }: Traffic): number {
  const noise = new Uint8Array(NOISE_BYTES);
  const random = new Random(5);
  random.fill(noise);
  const recording = startRecording(path, HEADER, { stateEvents: Infinity });
  const { tap } = recording;
  let from = 0;
  for (let told = 0, turn = 0; told < events; turn++) {
    tap.turn(1, turn * TURN_NS);
    for (let slot = 0; slot < BATCH; slot++) {
      tap.submit(slot, OPCODE.READ, 4, READ_BYTES, random.below(BLOCKS) * READ_BYTES, 0, undefined);
    }
    for (let slot = 0; slot < BATCH; slot++) {
      from = (from + READ_BYTES) % NOISE_BYTES;
      const bytes = payload ? noise.subarray(from, from + READ_BYTES) : undefined;
      tap.complete(slot, READ_BYTES, 0, bytes);
    }
    told += 1 + 2 * BATCH;
  }
  tap.end("ok");
  const { eventCount, failure } = recording.finish();
  if (failure !== undefined) throw failure;
  return eventCount;
}
