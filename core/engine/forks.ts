/** Forks: children of an operation that run beside each other on its buffer. */
import {
  ARGUMENT_F64,
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  CHILDREN,
  DOUBLE_SHIFT,
  END,
  FLAGS,
  FLAG_FORKED,
  FLAG_FORK_FAILED,
  FLAG_READ,
  FLAG_WRITE,
  HEADER_SHIFT,
  IN_FLIGHT,
  LENGTH,
  OFFSET_F64,
  OPERATION,
  OWNER,
  PARENT,
  PROVIDER,
  RESULT,
  STATE,
  WAIT,
  WAIT_ON,
  WAIT_READY,
} from "../descriptor/layout.ts";
import { REEL_ERROR_NUMBERS } from "../errors.ts";
import { pushFrame } from "./layers.ts";
import type { EngineState, LayerEntry } from "./state.ts";
import { RESULT_BEGIN } from "./tokens.ts";

const INHERITED = [PROVIDER, END, BUFFER, BUFFER_AT, LENGTH, OPERATION, OWNER];

/**
 * Makes a child of the running operation. It does not start before its parent waits for it.
 * Without a free slot the parent fails as if this child had failed at once.
 * @throws {RangeError} for a frame that its layer does not have; the child exists then
 */
export function forkChild(
  e: EngineState,
  parentSlot: number,
  entry: LayerEntry,
  frame: object | undefined,
): void {
  const { i32, f64 } = e;
  const parent = parentSlot << HEADER_SHIFT;
  const flags = i32[parent + FLAGS]! | FLAG_FORKED;
  const child = (flags & FLAG_FORK_FAILED) !== 0 ? -1 : e.table.acquire();
  if (child === -1) {
    if ((flags & FLAG_FORK_FAILED) === 0) i32[parent + RESULT] = -REEL_ERROR_NUMBERS.ERR_TABLE_FULL;
    i32[parent + FLAGS] = flags | FLAG_FORK_FAILED;
    return;
  }
  i32[parent + FLAGS] = flags;
  i32[parent + CHILDREN] = i32[parent + CHILDREN]! + 1;
  const header = child << HEADER_SHIFT;
  for (const word of INHERITED) i32[header + word] = i32[parent + word]!;
  const from = parentSlot << DOUBLE_SHIFT;
  const to = child << DOUBLE_SHIFT;
  f64[to + OFFSET_F64] = f64[from + OFFSET_F64]!;
  f64[to + ARGUMENT_F64] = f64[from + ARGUMENT_F64]!;
  f64[to + BYTES_F64] = 0;
  i32[header + FLAGS] = flags & (FLAG_READ | FLAG_WRITE);
  i32[header + PARENT] = parentSlot;
  i32[header + STATE] = IN_FLIGHT;
  i32[header + RESULT] = RESULT_BEGIN;
  i32[header + WAIT] = WAIT_READY;
  i32[header + WAIT_ON] = 0;
  e.lists.append(e.ready, child);
  // The first frame of an operation fits its own page, whatever its size.
  pushFrame(e, child, entry, frame);
}
