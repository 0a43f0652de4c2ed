/**
 * The user data of requests: 64 bits that the kernel carries from a request to its completions. The
 * low word is the slot and the high word its generation; requests of the backend's own have the low
 * word's top bit set, which no slot has, and a kind beside it.
 */
const OWN = 0x80000000 | 0;

/** A cancellation. Its outcome says nothing that the target's own completion does not say. */
export const OWN_CANCEL = OWN | 1;
/** The shared timeout, and the removal or change of it. */
export const OWN_TIMER = OWN | 2;
export const OWN_TIMER_CHANGE = OWN | 3;
/** Start-up tests. */
export const OWN_PROBE = OWN | 4;

/** A message from another thread: nobody's request. */
export const OWN_MESSAGE = OWN | 6;

/** The timeout of a slot's request: the slot is beside the kind, its generation the sequence. */
const LINK = 5;
const KIND_BITS = 8;
const KIND_MASK = (1 << KIND_BITS) - 1;

export function ownLink(slot: number): number {
  return OWN | LINK | (slot << KIND_BITS);
}

export function isLink(kind: number): boolean {
  return (kind & KIND_MASK) === LINK;
}

export function slotOfLink(kind: number): number {
  return (kind & ~OWN) >> KIND_BITS;
}

/** Told of the completions of the backend's own requests, except cancellations and timeouts. */
export type OwnListener = (kind: number, sequence: number, result: number) => void;
