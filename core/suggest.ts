/** "Did you mean": the nearest of the valid names, if one is near enough to be meant. */

/** Longer names are not compared: the time grows with the square of the length. */
const LENGTH_MAX = 64;
/** Of three letters, one may be wrong. */
const LETTERS_PER_MISTAKE = 3;
/** The beginning of a name is nearer to it than any mistake, but not as near as the name. */
const WHOLE_PART = 0.5;

/**
 * The optimal string alignment distance: insertions, deletions, replacements and swaps of
 * neighbours that turn one word into the other.
 */
export function editDistance(from: string, to: string): number {
  let twoBack: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let best = Math.min(
        previous[column]! + 1,
        current[column - 1]! + 1,
        previous[column - 1]! + (same ? 0 : 1),
      );
      const swapped =
        row > 1 &&
        column > 1 &&
        from[row - 1] === to[column - 2] &&
        from[row - 2] === to[column - 1];
      if (swapped) best = Math.min(best, twoBack[column - 2]! + 1);
      current.push(best);
    }
    twoBack = previous;
    previous = current;
  }
  return previous[to.length]!;
}

/**
 * The candidate that was probably meant.
 * @param found what somebody wrote
 * @param candidates what would have been valid
 * @returns undefined when none is near; the first of equally near ones otherwise
 */
export function nearest(found: string, candidates: Iterable<string>): string | undefined {
  if (found.length === 0 || found.length > LENGTH_MAX) return undefined;
  const lower = found.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate.length > LENGTH_MAX) continue;
    const allowed = Math.max(1, Math.floor(candidate.length / LETTERS_PER_MISTAKE));
    const other = candidate.toLowerCase();
    const distance = isWholePart(lower, other) ? WHOLE_PART : editDistance(lower, other);
    if (distance > allowed || distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** `chunk` is meant to be `chunkBytes`, however many letters that takes. */
function isWholePart(found: string, candidate: string): boolean {
  return found.length >= 3 && candidate.startsWith(found);
}

/** The help line for a wrong name: the nearest one, or undefined when none is near. */
export function didYouMean(found: string, candidates: Iterable<string>): string | undefined {
  const name = nearest(found, candidates);
  return name === undefined ? undefined : `did you mean "${name}"?`;
}
