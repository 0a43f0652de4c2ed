/**
 * Traffic for tests of the write path: a session whose every event follows from its number, with
 * transfers of all sizes, so that whatever is left of it can be compared.
 */
import { OPCODE } from "../../backend/contract.ts";
import { Random } from "../../random.ts";
import type { Tap } from "../tap.ts";

/** Bytes that do not pack. */
const NOISE = new Uint8Array(1 << 20);
new Random(5).fill(NOISE);
const STATE = new Uint8Array(40_000);

/** Payloads: mostly small, some of a page, few that outgrow a frame. */
function payloadBytes(step: number): number {
  if (step % 2503 === 2502) return 700_000 + step;
  if (step % 401 === 400) return 100_000 + step;
  return step % 7 === 3 ? 4096 : step % 90;
}

/** What the program did in one step: four events, and a state where one is due. */
export function playStep(tap: Tap, step: number): void {
  const length = payloadBytes(step);
  const from = (step * 37) % 1000;
  tap.turn(step % 5, step * 100);
  if (tap.wantsState) {
    STATE.fill(0);
    STATE[(step * 4096) % STATE.length] = 1 + (step % 255);
    tap.state([{ name: "engine.table", version: 1, bytes: STATE }]);
  }
  tap.submit(step % 64, OPCODE.READ, 4, length, step * 4096, 0, undefined);
  tap.complete(step % 64, length, 0, NOISE.subarray(from, from + length));
  tap.mark(`step ${step}`);
}
/** Events of a step, without its state. */
export const STEP_EVENTS = 4;

/** Steps of which payloads are a few hundred bytes a step, over several rings. */
export function playSteps(tap: Tap, from: number, to: number): void {
  for (let step = from; step < to; step++) playStep(tap, step);
}
