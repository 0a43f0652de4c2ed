/** The descriptor table in a snapshot: every slot in use with its frames, and which come next. */
import {
  ARGUMENT_F64,
  BUFFER,
  BUFFER_AT,
  BYTES_F64,
  COUNTERS,
  DOUBLE_SHIFT,
  END,
  FLAGS,
  FLAGS_ALL,
  FREE,
  GENERATION,
  HEADER_SHIFT,
  IN_FLIGHT,
  LENGTH,
  OFFSET_F64,
  OPERATION,
  PARENT,
  RESULT,
  STATE,
  SUM_F64,
  TERMINAL,
  WAIT,
  WAIT_CHILDREN,
  WAIT_ON,
} from "../../descriptor/layout.ts";
import { GENERATION_MAX } from "../../descriptor/table.ts";
import { StateReader } from "../../state/state-reader.ts";
import { StateWriter } from "../../state/state-writer.ts";
import { OPERATION_SHIFT, type EngineState } from "../state.ts";
import type { SavedFrame, SavedSlot, SavedTable } from "./saved.ts";
import type { SessionPart } from "./session-part.ts";

/** Bytes of the shortest slot: 12 words, 4 doubles, the count of its frames. */
const SLOT_BYTES = 84;
const FRAME_BYTES = 8;
/** Frames that an operation can have: as many words as its pages have, and more. */
const FRAMES_MAX = 65536;

export function encodeTable(e: EngineState): Uint8Array {
  const { i32, table } = e;
  const writer = new StateWriter();
  for (let i = 0; i < COUNTERS; i++) writer.f64(e.f64[e.countersAt + i]!);
  const used: number[] = [];
  writer.u32(table.highWater);
  for (let slot = 0; slot < table.highWater; slot++) {
    writer.u32(i32[(slot << HEADER_SHIFT) + GENERATION]!);
    if (i32[(slot << HEADER_SHIFT) + STATE] !== FREE) used.push(slot);
  }
  writer.indices(table.freeOrder());
  writer.u32(used.length);
  for (const slot of used) encodeSlot(e, slot, writer);
  return writer.finish();
}

function encodeSlot(e: EngineState, slot: number, writer: StateWriter): void {
  const word = (index: number): number => e.i32[(slot << HEADER_SHIFT) + index]!;
  const double = (index: number): number => e.f64[(slot << DOUBLE_SHIFT) + index]!;
  const terminal = word(STATE) === TERMINAL;
  const buffer = terminal && !e.pool.has(word(BUFFER)) ? 0 : word(BUFFER);
  writer.u32(slot);
  writer.u32(word(STATE));
  writer.u32(word(FLAGS));
  writer.u32(word(END));
  writer.i32(word(PARENT));
  writer.u32(word(WAIT));
  writer.i32(word(WAIT_ON));
  writer.u32(word(OPERATION));
  writer.u32(word(LENGTH));
  writer.u32(buffer);
  writer.u32(buffer === 0 ? 0 : word(BUFFER_AT));
  writer.i32(word(RESULT));
  writer.f64(double(OFFSET_F64));
  writer.f64(double(BYTES_F64));
  writer.f64(double(SUM_F64));
  writer.f64(double(ARGUMENT_F64));
  const frames = e.stacks.frames(slot);
  writer.u32(frames.length);
  for (const { layer, base } of frames) {
    writer.u32(layer);
    writer.bytes(e.table.slab.u8.subarray(base, base + e.layers[layer]!.frameBytes));
  }
}

/** @throws {ReelError} ERR_STATE_CORRUPT; ERR_STATE_VERSION for a layer that is not the same */
export function decodeTable(e: EngineState, payload: Uint8Array, session: SessionPart): SavedTable {
  const reader = new StateReader(payload, "the descriptor table");
  const counters = Array.from({ length: COUNTERS }, () => reader.whole("a counter"));
  const highWater = reader.count("slots", 4, e.table.slots);
  const generations = Array.from({ length: highWater }, () => {
    return reader.i32("a generation", 1, GENERATION_MAX);
  });
  const freeOrder = reader.indices("a free slot", highWater);
  const taken = new Set(freeOrder);
  const slots: SavedSlot[] = [];
  for (let left = reader.count("slots in use", SLOT_BYTES, highWater); left > 0; left--) {
    const slot = decodeSlot(e, reader, session, highWater);
    if (taken.has(slot.slot)) reader.refuse("a slot", `${slot.slot} twice`, "used or free, once");
    taken.add(slot.slot);
    slots.push(slot);
  }
  if (taken.size !== highWater) reader.refuse("the count of slots", taken.size, `${highWater}`);
  reader.finish();
  return { generations, freeOrder, slots, counters };
}

function decodeSlot(
  e: EngineState,
  reader: StateReader,
  session: SessionPart,
  highWater: number,
): SavedSlot {
  return {
    slot: reader.u32("a slot", highWater - 1),
    state: reader.i32("a slot's state", IN_FLIGHT, TERMINAL),
    flags: reader.u32("a slot's flags", FLAGS_ALL),
    end: reader.u32("a slot's end", e.ends.capacity - 1),
    parent: reader.i32("a slot's parent", -1, highWater - 1),
    wait: reader.u32("a slot's wait", WAIT_CHILDREN),
    waitOn: reader.i32("what a slot waits for"),
    operation: reader.u32("a slot's operation", (1 << OPERATION_SHIFT) - 1),
    length: reader.u32("a slot's length", 0x7fffffff),
    buffer: reader.u32("a slot's buffer", 0x7fffffff),
    bufferAt: reader.u32("a slot's place in its buffer", 0x7fffffff),
    result: reader.i32("a slot's result"),
    offset: reader.number("a slot's offset"),
    moved: reader.whole("a slot's bytes"),
    sum: reader.number("a slot's sum"),
    argument: reader.number("a slot's argument"),
    frames: decodeFrames(e, reader, session),
  };
}

function decodeFrames(e: EngineState, reader: StateReader, session: SessionPart): SavedFrame[] {
  const frames: SavedFrame[] = [];
  for (let left = reader.count("frames", FRAME_BYTES, FRAMES_MAX); left > 0; left--) {
    const layer = session.layerNumber(reader.u32("a frame's layer", session.layers - 1));
    const bytes = reader.bytes("a frame");
    const { frameBytes } = e.layers[layer]!;
    if (bytes.length !== frameBytes) {
      reader.refuse("a frame", `${bytes.length} bytes`, `${frameBytes} bytes`);
    }
    frames.push({ layer, bytes });
  }
  return frames;
}
