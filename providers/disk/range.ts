/**
 * What places and amounts a disk has, the same for all disk providers on both backends: transfers
 * are of whole blocks, begin on the disk or just at its end, and only reads may reach beyond it.
 * The drivers refuse the rest with ERR_OUT_OF_RANGE before anything is moved; the words for it are
 * made here, when somebody is to read them.
 */
import {
  REEL_ERROR_NUMBERS,
  type RangeWords,
  type RefusedRequest,
} from "../../core/provider/index.ts";

/** The error number of an operation that is out of range. */
export const OUT_OF_RANGE = REEL_ERROR_NUMBERS.ERR_OUT_OF_RANGE;

/** A disk's measures. */
export interface Extent {
  readonly blockBytes: number;
  /** Infinity while there is no medium whose end could be known. */
  readonly sizeBytes: number;
}

/**
 * Whether a number is a multiple of a power of two. The operator % would tell too, but where a
 * number may have more than 32 bits it is a call of a function in C.
 */
export function isMultiple(value: number, of: number): boolean {
  return Math.floor(value / of) * of === value;
}

/**
 * Looks at an operation's place.
 * @param isWithin whether all of it has to lie on the disk: a write, not a read
 * @returns {@link OUT_OF_RANGE}, or 0
 */
export function rangeError(
  blockBytes: number,
  sizeBytes: number,
  offset: number,
  count: number,
  isWithin: boolean,
): number {
  // What is no number is no multiple either.
  if (!isMultiple(offset, blockBytes) || !isMultiple(count, blockBytes)) return OUT_OF_RANGE;
  if (offset < 0 || count < 0 || offset > sizeBytes) return OUT_OF_RANGE;
  return isWithin && offset + count > sizeBytes ? OUT_OF_RANGE : 0;
}

/** Two whole numbers of blocks between which a number lies. */
function around(count: number, blockBytes: number): string {
  const below = Math.floor(count / blockBytes) * blockBytes;
  if (!Number.isSafeInteger(below)) return "a whole number of blocks";
  return `${below} or ${below + blockBytes}`;
}

/** Why {@link rangeError} refused an operation, for people. */
export function explainRange(
  { blockBytes, sizeBytes }: Extent,
  { argument, length, offset, operation }: RefusedRequest,
): RangeWords | undefined {
  const isDiscard = operation === "discard";
  const count = isDiscard ? argument : length;
  const what = isDiscard ? "argument" : "length";
  const end = Number.isFinite(sizeBytes) ? { sizeBytes } : {};
  const details = { offset, [what]: count, blockBytes, ...end };
  const blocks = `a multiple of ${blockBytes} bytes, from 0`;
  for (const [name, value] of [
    ["offset", offset],
    [what, count],
  ] as const) {
    const found = `${name} ${value}`;
    if (value < 0) return { found, wanted: blocks, mend: `Give ${name} 0 or more`, details };
    if (value % blockBytes !== 0) {
      const mend = `Give ${name} ${around(value, blockBytes)}: a block has ${blockBytes} bytes`;
      return { found, wanted: blocks, mend, details };
    }
  }
  if (offset + count <= sizeBytes) return undefined;
  const blocksHeld = `${sizeBytes / blockBytes} blocks of ${blockBytes} bytes`;
  const mend = `Stay within the disk: it has ${blocksHeld}`;
  if (offset > sizeBytes) {
    const wanted = `at most ${sizeBytes}, where the disk ends`;
    return { found: `offset ${offset}`, wanted, mend, details };
  }
  const found = `${what} ${count} at offset ${offset}`;
  const wanted = `at most ${sizeBytes - offset}, up to the end of the disk`;
  return { found, wanted, mend, details };
}
