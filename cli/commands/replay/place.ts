/** Places and expressions as people type them, and how they are told of their mistakes. */
import { isReelError, ReelError } from "../../../core/errors.ts";
import { compilePredicate } from "../../../core/session/places/predicate/predicate.ts";
import type { PredicateNames } from "../../../core/session/places/predicate/names.ts";
import type { Place, PlacePredicate } from "../../../core/session/places/timeline.ts";
import { parseDuration } from "../../scenario/units.ts";
import { didYouMean } from "../../../core/suggest.ts";

/** A place: a number of events, `end`, a time with its unit, or else a mark's text. */
export function placeOf(text: string): Place {
  if (text === "end") return "end";
  if (text === "") {
    throw new ReelError("ERR_USAGE", "Cannot go to a place: found no words that say which", {
      mend: "Give an event, a time like 12.5ms, the text of a mark, or end",
    });
  }
  if (/^-?\d[\d_,]*$/.test(text)) return Number(text.replaceAll(/[_,]/g, ""));
  const timeNs = parseDuration(text);
  return timeNs === undefined ? { mark: text } : { timeNs };
}

/**
 * Compiles an expression.
 * @throws {ReelError} ERR_USAGE with its place, and the name that was probably meant
 */
export function predicateOf(text: string, names: PredicateNames): PlacePredicate {
  try {
    return compilePredicate(text, names);
  } catch (error) {
    if (!isReelError(error, "ERR_USAGE")) throw error;
    const { candidates = [], found = "" } = (error.details ?? {}) as {
      candidates?: readonly string[];
      found?: string;
    };
    const meant = didYouMean(found, candidates);
    if (meant === undefined) throw error;
    throw new ReelError("ERR_USAGE", error.message, { mend: meant, cause: undefined });
  }
}
