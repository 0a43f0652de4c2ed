/**
 * Patterns of KEYS and SCAN: `*`, `?`, `[a-c]`, `[^x]`, and a backslash before what is meant as it
 * is. Only the last star is ever gone back to, so a pattern cannot take exponential time.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0;
  let from = 0;
  /** Behind the last star, and how much of the text it has swallowed. */
  let star = -1;
  let swallowed = 0;
  for (;;) {
    if (pattern[at] === "*") {
      star = ++at;
      swallowed = from;
      continue;
    }
    const length = from < text.length ? matchedLength(pattern, at, text[from]!) : 0;
    if (length > 0) {
      at += length;
      from++;
    } else if (from === text.length && at >= pattern.length) {
      return true;
    } else if (star !== -1 && swallowed < text.length) {
      at = star;
      from = ++swallowed;
    } else {
      return false;
    }
  }
}

/** How much of the pattern stands for this character; 0 when it does not match. */
function matchedLength(pattern: string, at: number, char: string): number {
  const first = pattern[at];
  if (first === undefined) return 0;
  if (first === "?") return 1;
  if (first === "\\" && at + 1 < pattern.length) return pattern[at + 1] === char ? 2 : 0;
  if (first !== "[") return first === char ? 1 : 0;
  const negated = pattern[at + 1] === "^";
  let found = false;
  let i = at + (negated ? 2 : 1);
  for (; i < pattern.length && pattern[i] !== "]"; i++) {
    if (pattern[i] === "\\" && i + 1 < pattern.length) i++;
    const low = pattern[i]!;
    if (pattern[i + 1] === "-" && i + 2 < pattern.length && pattern[i + 2] !== "]") {
      const high = pattern[i + 2]!;
      if (low < high ? char >= low && char <= high : char >= high && char <= low) found = true;
      i += 2;
    } else if (low === char) {
      found = true;
    }
  }
  return found === negated ? 0 : i - at + 1;
}
