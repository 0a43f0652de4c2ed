/** A copy for hot paths of drivers and media, whose arrays are large and whose pieces are small. */

/** Copies a part of one array into another without making a view of it. */
export const copyPart = Buffer.prototype.copy as (
  this: Uint8Array,
  target: Uint8Array,
  to: number,
  from: number,
  end: number,
) => number;
