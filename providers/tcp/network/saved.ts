/**
 * The state of device and wire as bytes: a text of named values, then the frames that are on their
 * way. Everything is checked before anything changes.
 */
import type { NetworkDevice } from "../device.ts";
import { FRAME_HEADER_BYTES, HOSTS_MAX } from "./frame.ts";
import { FrameStore, type FrameStoreState } from "./frame-store.ts";
import { Hosts } from "./hosts.ts";
import { CONDITION_NAMES, Link, isCondition, type LinkConditions } from "./link.ts";

const STATE_VERSION = 1;
const LENGTH_BYTES = 4;

interface SavedWay {
  freeAtNs: number;
  lastArrivalNs: number;
  /** Slots that a clog holds back, oldest first. */
  held: number[];
}

interface SavedLink {
  a: number;
  b: number;
  conditions: LinkConditions;
  partitioned: boolean;
  clogged: boolean;
  ways: SavedWay[];
}

interface SavedNetwork {
  version: number;
  registers: number[];
  waiting: number[];
  hosts: string[];
  otherLinks: LinkConditions;
  links: SavedLink[];
  dropped: number[];
  store: FrameStoreState;
  frames: { slot: number; way: number; length: number }[];
}

/** Saves the device with all that is on the wire. Equal states give equal bytes. */
export function saveNetwork(device: NetworkDevice): Uint8Array {
  const { wire } = device;
  const { store } = wire;
  const slots = Array.from({ length: store.count }, (_, slot) => slot);
  const frames = slots
    .filter((slot) => store.holds(slot))
    .map((slot) => ({ slot, way: store.ways[slot]!, length: store.lengths[slot]! }));
  const state: SavedNetwork = {
    version: STATE_VERSION,
    registers: [...device.registers],
    waiting: [...device.waiting],
    hosts: wire.hosts.capture(),
    otherLinks: wire.otherLinks,
    links: wire.links.map((link) => saveLink(link, store)),
    dropped: Object.values(wire.dropped),
    store: store.capture(),
    frames,
  };
  const text = new TextEncoder().encode(JSON.stringify(state));
  const total = frames.reduce((sum, { length }) => sum + length, LENGTH_BYTES + text.length);
  const bytes = new Uint8Array(total);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, LENGTH_BYTES);
  let at = LENGTH_BYTES + text.length;
  for (const { slot, length } of frames) {
    bytes.set(store.window(slot), at);
    at += length;
  }
  return bytes;
}

function saveLink(link: Link, store: FrameStore): SavedLink {
  const { a, b, conditions, partitioned, clogged } = link;
  const ways = link.ways.map(({ freeAtNs, lastArrivalNs, heldFirst }) => {
    const held: number[] = [];
    for (let slot = heldFirst; slot !== -1; slot = store.nexts[slot]!) held.push(slot);
    return { freeAtNs, lastArrivalNs, held };
  });
  return { a, b, conditions, partitioned, clogged, ways };
}

/**
 * Takes a saved state over.
 * @throws {RangeError} naming what is wrong with it; nothing has changed then
 */
export function restoreNetwork(device: NetworkDevice, bytes: Uint8Array): void {
  const { state, framesAt } = decode(bytes);
  check(state, bytes.length - framesAt, device.registers.length);
  const { wire } = device;
  device.registers.set(state.registers);
  device.waiting.splice(0, Infinity, ...state.waiting);
  wire.hosts.apply(state.hosts);
  wire.otherLinks = state.otherLinks;
  const [lost, partitioned, queueFull, noHost] = state.dropped as [number, number, number, number];
  Object.assign(wire.dropped, { lost, partitioned, queueFull, noHost });
  wire.store.apply(state.store);
  let at = framesAt;
  for (const { slot, way, length } of state.frames) {
    wire.store.fill(slot, bytes.subarray(at, at + length), way);
    at += length;
  }
  wire.clearLinks();
  for (const saved of state.links) {
    const link = new Link(saved.a, saved.b, saved.conditions);
    link.partitioned = saved.partitioned;
    link.clogged = saved.clogged;
    for (const [i, { freeAtNs, lastArrivalNs, held }] of saved.ways.entries()) {
      const [heldFirst = -1] = held;
      Object.assign(link.ways[i]!, { freeAtNs, lastArrivalNs, heldFirst });
      link.ways[i]!.heldLast = held.at(-1) ?? -1;
      for (const [place, slot] of held.entries()) wire.store.nexts[slot] = held[place + 1] ?? -1;
    }
    wire.addLink(link);
  }
}

function refuse(what: string): never {
  throw new RangeError(`Cannot restore the network: found ${what}, wanted what was saved`);
}

function decode(bytes: Uint8Array): { state: SavedNetwork; framesAt: number } {
  if (bytes.length < LENGTH_BYTES) refuse(`${bytes.length} bytes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const framesAt = LENGTH_BYTES + length;
  if (framesAt > bytes.length) refuse("a text that is cut short");
  try {
    const text = new TextDecoder().decode(bytes.subarray(LENGTH_BYTES, framesAt));
    return { state: JSON.parse(text) as SavedNetwork, framesAt };
  } catch {
    return refuse("a text that is none");
  }
}

const isWhole = (value: unknown, most: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most;
const isList = (value: unknown, most: number): value is number[] =>
  Array.isArray(value) && value.every((each) => isWhole(each, most));
const isTime = (value: unknown): boolean => isWhole(value, Number.MAX_SAFE_INTEGER);
const areConditions = (value: unknown): value is LinkConditions =>
  typeof value === "object" &&
  value !== null &&
  CONDITION_NAMES.every((name) => isCondition(name, (value as LinkConditions)[name]));

function check(state: SavedNetwork, frameBytes: number, registers: number): void {
  const { store, links, hosts, frames } = state ?? {};
  if (state?.version !== STATE_VERSION) refuse(`version ${String(state?.version)}`);
  if (!isList(state.registers, 0xffffffff) || state.registers.length !== registers) {
    refuse("registers that are none");
  }
  if (!isList(state.dropped, Number.MAX_SAFE_INTEGER) || state.dropped.length !== 4) {
    refuse("counters that are none");
  }
  if (!Array.isArray(hosts) || !Hosts.accepts(hosts)) refuse("hosts that are none");
  if (!areConditions(state.otherLinks)) refuse("conditions that are none");
  if (!Array.isArray(links) || !links.every((link) => isLink(link, hosts.length))) {
    refuse("links that are none");
  }
  const pairs = new Set(links.map(({ a, b }) => a * (HOSTS_MAX + 1) + b));
  if (pairs.size !== links.length) refuse("two links between the same hosts");
  checkStore(store, frames, links.length, frameBytes);
  const slots = new Set(frames.map(({ slot }) => slot));
  const queued = [state.waiting, ...links.flatMap(({ ways }) => ways.map(({ held }) => held))];
  if (!queued.every((list) => isList(list, store.sizes.length))) refuse("queues that are none");
  const all = queued.flat();
  if (new Set(all).size !== all.length || !all.every((slot) => slots.has(slot))) {
    refuse("queues of frames that are not there");
  }
}

function isLink(link: SavedLink | null, hosts: number): boolean {
  if (typeof link !== "object" || link === null || !areConditions(link.conditions)) return false;
  const { a, b, ways } = link;
  if (!isWhole(a, hosts) || !isWhole(b, hosts) || a < 1 || a > b) return false;
  if (typeof link.partitioned !== "boolean" || typeof link.clogged !== "boolean") return false;
  return (
    Array.isArray(ways) &&
    ways.length === 2 &&
    ways.every((way) => isTime(way?.freeAtNs) && isTime(way.lastArrivalNs))
  );
}

function checkStore(
  store: FrameStoreState,
  frames: SavedNetwork["frames"],
  links: number,
  frameBytes: number,
): void {
  const isStore =
    typeof store === "object" &&
    store !== null &&
    isList(store.sizes, 2) &&
    Array.isArray(store.free) &&
    store.free.every((slots) => isList(slots, store.sizes.length - 1)) &&
    FrameStore.accepts(store);
  if (!isStore || !Array.isArray(frames)) refuse("a frame store that is none");
  const free = new Set(store.free.flat());
  let total = 0;
  let last = -1;
  for (const frame of frames) {
    const { slot, way, length } = frame ?? {};
    if (!isWhole(slot, store.sizes.length - 1) || slot <= last || free.has(slot)) {
      refuse("a frame in a slot that has none");
    }
    const room = FrameStore.sizeBytes(store.sizes[slot]!);
    if (!isWhole(length, room) || length < FRAME_HEADER_BYTES || !isWhole(way, links * 2 - 1)) {
      refuse("a frame that is none");
    }
    last = slot;
    total += length;
  }
  if (total !== frameBytes || frames.length + free.size !== store.sizes.length) {
    refuse("frames that are not all there");
  }
}
