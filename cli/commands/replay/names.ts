/** What the numbers of a recording mean to the providers of this release. */
import type { Recording } from "../../../core/session/recording.ts";
import type { EventNames } from "../../../core/session/describe.ts";
import { nameOperation } from "../../../core/session/places/predicate/names.ts";
import type { PredicateNames } from "../../../core/session/places/predicate/names.ts";
import { BUILT_IN_PROVIDERS } from "../../../providers/index.ts";

const operationsOf = new Map<string, readonly string[]>(
  BUILT_IN_PROVIDERS.map(({ kind, operationNames }) => [kind, operationNames]),
);

/** The names by which expressions and pages call what a recording holds. */
export function namesOf(recording: Recording): PredicateNames {
  return {
    providers: recording.providerKinds,
    operations: (kind) => operationsOf.get(kind) ?? [],
  };
}

/** The same for lines about events. */
export function eventNames(names: PredicateNames): EventNames {
  const { providers } = names;
  return { providers, operation: (kind, operation) => nameOperation(names, kind, operation) };
}
