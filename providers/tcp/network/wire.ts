/**
 * The wire: carries frames from host to host over links that delay, lose, reorder, repeat, cut off
 * and hold back. What is in flight is a slot of the frame store and an event that names it, so that
 * all of it can be saved. Chance comes from the device's random source alone.
 */
import { FRAME_FROM, FRAME_HEADER_BYTES, FRAME_TO, hostOf, read32 } from "./frame.ts";
import { FrameStore } from "./frame-store.ts";
import { Hosts } from "./hosts.ts";
import {
  LOOPBACK_CONDITIONS,
  Link,
  NETWORK_CONDITIONS,
  type LinkConditions,
  type Way,
} from "./link.ts";

/** What the wire needs of the machine; part of a device's host. */
export interface WireHost {
  now(): number;
  scheduler(
    name: string,
    fire: (argument: number) => void,
  ): { at(deadlineNs: number, argument?: number): number };
  readonly random: { unit(): number };
}

/** Hosts' numbers are below 256, so a pair is one number. */
const PAIR_SHIFT = 8;
/** A late frame is late by at least so much, and by up to the link's latency more. */
const LATE_NS_MIN = 20_000;
const NONE = -1;

export class Wire {
  readonly hosts = new Hosts();
  readonly store = new FrameStore();
  /** Links by number: they come into being with the first frame or command. */
  readonly links: Link[] = [];
  /** Conditions of links between hosts that nobody has described. */
  otherLinks: LinkConditions = { ...NETWORK_CONDITIONS };
  /** Frames that did not arrive: by chance, by partition, by a full queue, without such a host. */
  readonly dropped = { lost: 0, partitioned: 0, queueFull: 0, noHost: 0 };

  readonly #host: WireHost;
  readonly #deliver: (slot: number) => void;
  readonly #arrivals: ReturnType<WireHost["scheduler"]>;
  readonly #numberOfPair = new Map<number, number>();

  /** @param deliver takes a frame that arrives, and gives its slot back */
  constructor(host: WireHost, deliver: (slot: number) => void) {
    this.#host = host;
    this.#deliver = deliver;
    this.#arrivals = host.scheduler("arrival", (slot) => this.#arrive(slot));
  }

  /** Sends a frame whose bytes are in a slot. */
  launch(slot: number): void {
    const bytes = this.store.window(slot);
    const from = hostOf(read32(bytes, FRAME_FROM));
    const to = hostOf(read32(bytes, FRAME_TO));
    const { count } = this.hosts;
    if (bytes.length < FRAME_HEADER_BYTES || from < 1 || to < 1 || from > count || to > count) {
      this.dropped.noHost++;
      this.store.give(slot);
      return;
    }
    const number = this.#linkNumber(from, to);
    const link = this.links[number]!;
    const { lossRate, duplicateRate } = link.conditions;
    this.store.ways[slot] = number * 2 + (from > to ? 1 : 0);
    if (link.partitioned) {
      this.dropped.partitioned++;
      this.store.give(slot);
      return;
    }
    if (lossRate > 0 && this.#host.random.unit() < lossRate) {
      this.dropped.lost++;
      this.store.give(slot);
      return;
    }
    const copy =
      duplicateRate > 0 && this.#host.random.unit() < duplicateRate ? this.#copyOf(slot) : NONE;
    this.#send(slot, link);
    if (copy !== NONE) this.#send(copy, link);
  }

  /** The link between two hosts, for setting it. Order does not matter. */
  linkBetween(a: number, b: number): Link {
    return this.links[this.#linkNumber(a, b)]!;
  }

  /** Holds back what arrives from now on, or lets everything that was held arrive now. */
  clog(link: Link, clogged: boolean): void {
    link.clogged = clogged;
    if (clogged) return;
    for (const way of link.ways) {
      let slot = way.heldFirst;
      way.heldFirst = NONE;
      way.heldLast = NONE;
      while (slot !== NONE) {
        const next = this.store.nexts[slot]!;
        this.store.nexts[slot] = NONE;
        this.#arrivals.at(this.#host.now(), slot);
        slot = next;
      }
    }
  }

  /** Puts a link in place that a snapshot holds. @returns its number */
  addLink(link: Link): number {
    this.#numberOfPair.set((link.a << PAIR_SHIFT) | link.b, this.links.length);
    return this.links.push(link) - 1;
  }

  /** Forgets all links, before those of a snapshot are added. */
  clearLinks(): void {
    this.links.length = 0;
    this.#numberOfPair.clear();
  }

  #linkNumber(from: number, to: number): number {
    const a = from < to ? from : to;
    const b = from < to ? to : from;
    const number = this.#numberOfPair.get((a << PAIR_SHIFT) | b);
    if (number !== undefined) return number;
    return this.addLink(new Link(a, b, a === b ? LOOPBACK_CONDITIONS : this.otherLinks));
  }

  #send(slot: number, link: Link): void {
    const { latencyNs, jitterNs, reorderRate } = link.conditions;
    const { random } = this.#host;
    const way = link.ways[this.store.ways[slot]! & 1]!;
    const leftNs = link.depart(way, this.store.lengths[slot]!, this.#host.now());
    if (leftNs < 0) {
      this.dropped.queueFull++;
      this.store.give(slot);
      return;
    }
    let arrivalNs = leftNs + latencyNs;
    if (jitterNs > 0) arrivalNs += Math.floor(random.unit() * jitterNs);
    if (reorderRate > 0 && random.unit() < reorderRate) {
      arrivalNs += LATE_NS_MIN + Math.floor(random.unit() * latencyNs);
    } else {
      arrivalNs = Math.max(arrivalNs, way.lastArrivalNs);
      way.lastArrivalNs = arrivalNs;
    }
    this.#arrivals.at(arrivalNs, slot);
  }

  #arrive(slot: number): void {
    // An event of a snapshot that somebody put together may name a slot that is free.
    if (!this.store.holds(slot)) return;
    const number = this.store.ways[slot]!;
    const link = this.links[number >> 1]!;
    if (link.partitioned) {
      this.dropped.partitioned++;
      this.store.give(slot);
    } else if (link.clogged) {
      this.#hold(link.ways[number & 1]!, slot);
    } else {
      this.#deliver(slot);
    }
  }

  #hold(way: Way, slot: number): void {
    if (way.heldLast === NONE) way.heldFirst = slot;
    else this.store.nexts[way.heldLast] = slot;
    way.heldLast = slot;
  }

  #copyOf(slot: number): number {
    const copy = this.store.take(this.store.lengths[slot]!);
    if (copy === NONE) return NONE;
    this.store.ways[copy] = this.store.ways[slot]!;
    this.store.window(copy).set(this.store.window(slot));
    return copy;
  }
}
