/**
 * Pending events as bytes. Sources go by name, because their numbers are one process's; slots with
 * their generations go along, because a device's own state may hold the token of an event; the
 * arrangement of the heap stays behind, so that equal states give equal bytes.
 */
import type { StateReader, StateWriter } from "./state-bytes.ts";

/** One pending event, in the slot that its token names. */
export interface EventRecord {
  slot: number;
  timeNs: number;
  sequence: number;
  source: number;
  argument: number;
}

/** Everything that an event heap holds, as plain data. */
export interface EventHeapState {
  nextSequence: number;
  /** Generation of every slot that was ever used. */
  generations: number[];
  /** Pending events in the order of their slots. */
  events: EventRecord[];
  /** Free slots in the order of the stack: the next to be taken is the last. */
  free: number[];
}

/** Bytes of the shortest slot record: a generation and a flag. */
const SLOT_RECORD_BYTES = 5;
const NAME_RECORD_BYTES = 4;

/** @param nameOf the name of a source that has an event pending */
export function encodeEvents(
  writer: StateWriter,
  state: EventHeapState,
  nameOf: (source: number) => string,
): void {
  const names = new Map<number, number>();
  for (const event of state.events) {
    if (!names.has(event.source)) names.set(event.source, names.size);
  }
  writer.u32(names.size);
  for (const source of names.keys()) writer.text(nameOf(source));
  writer.f64(state.nextSequence);
  writer.u32(state.generations.length);
  let next = 0;
  for (let slot = 0; slot < state.generations.length; slot++) {
    writer.u32(state.generations[slot]!);
    const event = state.events[next];
    if (event === undefined || event.slot !== slot) {
      writer.u8(0);
      continue;
    }
    next += 1;
    writer.u8(1);
    writer.f64(event.timeNs);
    writer.f64(event.sequence);
    writer.u32(names.get(event.source)!);
    writer.f64(event.argument);
  }
  for (const slot of state.free) writer.u32(slot);
}

/**
 * Reads and checks what {@link encodeEvents} wrote.
 * @param sourceOf this process's number for a source's name; refuses by itself what it lacks
 * @param nowNs the machine's clock in the snapshot, which no event precedes
 * @throws {ReelError} ERR_STATE_CORRUPT
 */
export function decodeEvents(
  reader: StateReader,
  sourceOf: (name: string) => number,
  nowNs: number,
): EventHeapState {
  const sources: number[] = [];
  const nameCount = reader.count("the count of event sources", NAME_RECORD_BYTES);
  for (let i = 0; i < nameCount; i++) sources.push(sourceOf(reader.text("an event source's name")));
  const state: EventHeapState = {
    nextSequence: reader.whole("the next event's sequence", 1, Number.MAX_SAFE_INTEGER),
    generations: [],
    events: [],
    free: [],
  };
  const slotCount = reader.count("the count of event slots", SLOT_RECORD_BYTES);
  const sequences = new Set<number>();
  for (let slot = 0; slot < slotCount; slot++) {
    const generation = reader.u32("an event slot's generation");
    if (generation === 0) reader.refuse("an event slot's generation", 0, "1 or more");
    state.generations.push(generation);
    if (reader.u8("an event slot's flag", 1) === 0) continue;
    const timeNs = reader.whole("an event's time", nowNs, Number.MAX_SAFE_INTEGER);
    const sequence = reader.whole("an event's sequence", 1, state.nextSequence - 1);
    if (sequences.has(sequence)) reader.refuse("an event's sequence", sequence, "its own");
    sequences.add(sequence);
    const source = sources[reader.u32("an event's source")];
    if (source === undefined) reader.refuse("an event's source", "a stranger", "a named one");
    state.events.push({ slot, timeNs, sequence, source, argument: reader.f64("an argument") });
  }
  decodeFree(reader, state);
  return state;
}

/** The free list must hold each slot without an event exactly once. */
function decodeFree(reader: StateReader, state: EventHeapState): void {
  const taken = new Set<number>();
  for (const event of state.events) taken.add(event.slot);
  const freeCount = state.generations.length - state.events.length;
  for (let i = 0; i < freeCount; i++) {
    const slot = reader.u32("a free event slot", state.generations.length - 1);
    if (taken.has(slot)) reader.refuse("a free event slot", slot, "free, and named once");
    taken.add(slot);
    state.free.push(slot);
  }
}
