/**
 * A link between two hosts, or from a host to itself: what it does to frames, and how far each of
 * its two directions is with sending.
 */

/** What a link does to frames. Rates are probabilities from 0 to 1. */
export interface LinkConditions {
  /** Time from a frame's last bit leaving to its arrival. */
  latencyNs: number;
  /** Up to so much is added to the latency; frames of one direction still come in order. */
  jitterNs: number;
  /** 0 for a link on which a frame takes no time to be sent. */
  bandwidthBytesPerSecond: number;
  lossRate: number;
  /** Frames that are late, so that those behind them come first. */
  reorderRate: number;
  /** Frames that come twice. */
  duplicateRate: number;
}

/** Bounds of each condition, all from 0; conditions other than rates are whole numbers. */
export const CONDITION_MAX: Readonly<LinkConditions> = {
  latencyNs: 3_600_000_000_000,
  jitterNs: 60_000_000_000,
  bandwidthBytesPerSecond: 1e12,
  lossRate: 1,
  reorderRate: 1,
  duplicateRate: 1,
};
export const CONDITION_NAMES = Object.keys(CONDITION_MAX) as readonly (keyof LinkConditions)[];

/** A switched gigabit network in one building. */
export const NETWORK_CONDITIONS: Readonly<LinkConditions> = {
  latencyNs: 100_000,
  jitterNs: 0,
  bandwidthBytesPerSecond: 125_000_000,
  lossRate: 0,
  reorderRate: 0,
  duplicateRate: 0,
};

/** A host's way to itself. */
export const LOOPBACK_CONDITIONS: Readonly<LinkConditions> = {
  ...NETWORK_CONDITIONS,
  latencyNs: 5_000,
  bandwidthBytesPerSecond: 0,
};

/** Bytes that wait to be sent in each direction, beyond which a link drops (tail drop). */
export const QUEUE_BYTES_MAX = 1 << 18;

/** Whether a value is one that a condition can have. */
export function isCondition(name: keyof LinkConditions, value: unknown): value is number {
  if (typeof value !== "number" || !(value >= 0 && value <= CONDITION_MAX[name])) return false;
  return name.endsWith("Rate") || Number.isInteger(value);
}

/** One direction of a link. */
export interface Way {
  /** When the sender has put the last bit of what is queued on the link. */
  freeAtNs: number;
  /** Arrival of the frame that comes last, of those that keep their order. */
  lastArrivalNs: number;
  /** Slots of the frames that a clog holds back, oldest first; -1 for none. */
  heldFirst: number;
  heldLast: number;
}

export class Link {
  /** The lower host's number, then the higher one's; equal for a loopback. */
  readonly a: number;
  readonly b: number;
  conditions: LinkConditions;
  /** Drops everything. */
  partitioned = false;
  /** Holds everything back. */
  clogged = false;
  /** From a to b, and from b to a. */
  readonly ways: readonly [Way, Way] = [idleWay(), idleWay()];

  constructor(a: number, b: number, conditions: Readonly<LinkConditions>) {
    this.a = a;
    this.b = b;
    this.conditions = { ...conditions };
  }

  /**
   * Puts a frame behind those that are being sent.
   * @returns when its last bit leaves, or -1 when the queue is full
   */
  depart(way: Way, lengthBytes: number, nowNs: number): number {
    const bandwidth = this.conditions.bandwidthBytesPerSecond;
    const start = way.freeAtNs > nowNs ? way.freeAtNs : nowNs;
    if (bandwidth === 0) return start;
    if (((start - nowNs) * bandwidth) / 1e9 > QUEUE_BYTES_MAX) return -1;
    way.freeAtNs = start + Math.ceil((lengthBytes * 1e9) / bandwidth);
    return way.freeAtNs;
  }
}

function idleWay(): Way {
  return { freeAtNs: 0, lastArrivalNs: 0, heldFirst: -1, heldLast: -1 };
}
