/**
 * Bytes that a layer has at hand and gives to its operation: copied into the operation's buffer,
 * or, where it was started without one, into a fresh array that waits for the outcome's delivery.
 */
import {
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  DOUBLE_SHIFT,
  FLAGS,
  FLAG_BROUGHT,
  FLAG_WRITE,
  HEADER_SHIFT,
  LENGTH,
  OPERATION,
  PARENT,
  PROVIDER,
} from "../descriptor/layout.ts";
import { broughtBefore } from "./queued.ts";
import type { EngineState } from "./state.ts";

/** Up to so many bytes a loop is quicker than a call into the runtime. */
const LOOP_BYTES_MAX = 16;
/** Copies a part of one array into another: half the time of `set`, which wants a view of it. */
const copyPart = Buffer.prototype.copy as (
  this: Uint8Array,
  target: Uint8Array,
  to: number,
  from: number,
  end: number,
) => number;

/** See `LayerContext.bring`. @throws {RangeError} */
export function bring(e: EngineState, source: Uint8Array, at: number, count: number): void {
  const { i32, f64 } = e;
  const { slot } = e.context;
  const header = slot << HEADER_SHIFT;
  const whole = (at | 0) === at && (count | 0) === count;
  if (!(whole && at >= 0 && count >= 0 && at + count <= source.length)) {
    throw new RangeError(
      `Cannot bring ${count} bytes from byte ${at}: there are ${source.length} bytes`,
    );
  }
  const bytesAt = (slot << DOUBLE_SHIFT) + BYTES_F64;
  const moved = f64[bytesAt]!;
  const buffer = i32[header + BUFFER]!;
  const place = buffer === 0 ? 0 : moved - broughtBefore(e, slot);
  if (place + count > i32[header + LENGTH]!) {
    throw new RangeError(
      `Cannot bring ${count} bytes behind ${place}: the operation wants ${i32[header + LENGTH]}`,
    );
  }
  if (i32[header + PARENT] !== -1 || (i32[header + FLAGS]! & FLAG_WRITE) !== 0) refuse();
  if (buffer === 0) {
    bringFresh(e, slot, source, at, count);
  } else {
    const to = i32[header + BUFFER_AT]! + place;
    copy(source, at, count, e.pool.get(buffer).block.bytes, to);
  }
  f64[bytesAt] = moved + count;
}

function copy(source: Uint8Array, at: number, count: number, target: Uint8Array, to: number): void {
  if (count > LOOP_BYTES_MAX) copyPart.call(source, target, to, at, at + count);
  else for (let i = 0; i < count; i++) target[to + i] = source[at + i]!;
}

function bringFresh(
  e: EngineState,
  slot: number,
  source: Uint8Array,
  at: number,
  count: number,
): void {
  const header = slot << HEADER_SHIFT;
  const { unbuffered } = e.providers[e.i32[header + PROVIDER]!]!;
  if (unbuffered[e.i32[header + OPERATION]!] !== 1) refuse();
  const flags = e.i32[header + FLAGS]!;
  if ((flags & FLAG_BROUGHT) !== 0) {
    throw new RangeError("Cannot bring bytes again: an operation without buffer does it once");
  }
  if (count === 0) return;
  e.i32[header + FLAGS] = flags | FLAG_BROUGHT;
  const { brought } = e;
  // Without holes, which would make every look at it slower.
  while (brought.length <= slot) brought.push(undefined);
  brought[slot] = source.slice(at, at + count);
}

function refuse(): never {
  throw new RangeError(
    "Cannot bring bytes: only an operation that reads takes them, and none of its forks",
  );
}
