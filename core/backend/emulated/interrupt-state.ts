/**
 * The interrupt controller's state: the flags of a line, and all lines as bytes. The queue of
 * deliverable lines is not among them, because it follows from the flags and orders.
 */
import type { StateReader, StateWriter } from "./state-bytes.ts";

/** The line is not masked. */
export const LINE_ENABLED = 1;
/** An edge arrived and was not taken yet. */
export const LINE_LATCHED = 2;
/** The line's level is high. */
export const LINE_ASSERTED = 4;
/** The present level was delivered at least once. */
export const LINE_SERVED = 8;
/** Either of these makes a line pending. */
export const LINE_PENDING = LINE_LATCHED | LINE_ASSERTED;

const FLAGS_MAX = LINE_ENABLED | LINE_PENDING | LINE_SERVED;
/** Bytes of a line's record: flags and order. */
const LINE_RECORD_BYTES = 9;

/** Everything that an interrupt controller holds, as plain data. */
export interface InterruptState {
  nextOrder: number;
  delivered: number;
  lost: number;
  spurious: number;
  /** A byte of LINE_ flags for each line. */
  flags: Uint8Array;
  /** When each pending line was raised, as a count of raisings. */
  orders: Float64Array;
}

export function encodeInterrupts(writer: StateWriter, state: InterruptState): void {
  writer.u32(state.flags.length);
  writer.f64(state.nextOrder);
  writer.f64(state.delivered);
  writer.f64(state.lost);
  writer.f64(state.spurious);
  for (let line = 0; line < state.flags.length; line++) {
    const flags = state.flags[line]!;
    writer.u8(flags);
    writer.f64((flags & LINE_PENDING) === 0 ? 0 : state.orders[line]!);
  }
}

/**
 * Reads and checks what {@link encodeInterrupts} wrote.
 * @param lines how many lines the machine has that is to take the state
 * @throws {ReelError} ERR_STATE_CORRUPT
 */
export function decodeInterrupts(reader: StateReader, lines: number): InterruptState {
  const found = reader.count("the count of interrupt lines", LINE_RECORD_BYTES);
  if (found !== lines) reader.refuse("the count of interrupt lines", found, `${lines}`);
  const state: InterruptState = {
    nextOrder: reader.whole("the order of interrupts", 1, Number.MAX_SAFE_INTEGER),
    delivered: reader.whole("the count of interrupts", 0, Number.MAX_SAFE_INTEGER),
    lost: reader.whole("the count of lost interrupts", 0, Number.MAX_SAFE_INTEGER),
    spurious: reader.whole("the count of spurious interrupts", 0, Number.MAX_SAFE_INTEGER),
    flags: new Uint8Array(lines),
    orders: new Float64Array(lines),
  };
  const orders = new Set<number>();
  for (let line = 0; line < lines; line++) {
    const flags = reader.u8("an interrupt line's flags", FLAGS_MAX);
    const pending = (flags & LINE_PENDING) !== 0;
    const order = reader.whole("an interrupt's order", 0, pending ? state.nextOrder - 1 : 0);
    const servedWithoutLevel = (flags & LINE_SERVED) !== 0 && (flags & LINE_ASSERTED) === 0;
    if (servedWithoutLevel || (pending && (order === 0 || orders.has(order)))) {
      reader.refuse(`interrupt line ${line}`, `flags ${flags} and order ${order}`, "consistent");
    }
    if (pending) orders.add(order);
    state.flags[line] = flags;
    state.orders[line] = order;
  }
  return state;
}
