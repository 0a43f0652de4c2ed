/**
 * Resources and their ends: which numbers are taken, and which end of the table belongs to which
 * resource. Opening by the program and adopting by a layer make them alike.
 */
import { ReelError, isReelError } from "../errors.ts";
import { HEADER_SHIFT, PROVIDER } from "../descriptor/layout.ts";
import type { EngineState, ProviderEntry } from "./state.ts";

/**
 * Takes the lowest free resource number of a provider, with cleared records.
 * @returns -1 when none is free
 */
export function claimResource(entry: ProviderEntry): number {
  const resource = entry.free.take();
  if (resource !== -1) for (const records of entry.records) records.clear(resource);
  return resource;
}

/** {@link claimResource}, refusing. @throws {ReelError} ERR_LIMIT */
export function takeResource(entry: ProviderEntry): number {
  const resource = claimResource(entry);
  if (resource !== -1) return resource;
  throw new ReelError(
    "ERR_LIMIT",
    `Cannot open another ${entry.provider.kind}: all ${entry.free.size} are open`,
    { mend: "Close one first" },
  );
}

/** Gives a number back none of whose ends is open. */
export function dropResource(entry: ProviderEntry, resource: number): void {
  entry.openEnds[resource] = 0;
  entry.free.give(resource);
}

/**
 * Opens all ends of a resource.
 * @param number of the provider
 * @throws {ReelError} ERR_LIMIT when the table has no room for them; none is open then
 */
export function openEnds(e: EngineState, number: number, resource: number): void {
  const entry = e.providers[number]!;
  const count = entry.provider.endNames.length;
  const first = resource * count;
  for (let kind = 0; kind < count; kind++) {
    try {
      entry.ends[first + kind] = e.ends.open(number, resource, kind);
    } catch (error) {
      while (--kind >= 0) {
        e.ends.free(entry.ends[first + kind]!);
        entry.ends[first + kind] = -1;
      }
      throw error;
    }
  }
  entry.openEnds[resource] = count;
}

/** Frees an end that is closed, and its resource's number with the last one. */
export function forgetEnd(e: EngineState, end: number): void {
  const entry = e.providers[e.ends.provider(end)]!;
  const resource = e.ends.resource(end);
  entry.ends[resource * entry.provider.endNames.length + e.ends.kind(end)] = -1;
  e.ends.free(end);
  const left = entry.openEnds[resource]! - 1;
  entry.openEnds[resource] = left;
  if (left === 0) entry.free.give(resource);
}

/** The first end of a resource. @throws {RangeError} when it is not open */
export function firstEnd(entry: ProviderEntry, resource: number): number {
  const end = entry.ends[resource * entry.provider.endNames.length] ?? -1;
  if (end !== -1) return end;
  throw new RangeError(
    `Cannot name ${entry.provider.kind} resource ${resource}: its first end is not open`,
  );
}

/**
 * A layer takes a resource for what it has found: see `LayerContext.adopt`.
 * @returns -1 when there is no number or no end for it
 */
export function adoptResource(e: EngineState): number {
  const number = e.i32[(e.context.slot << HEADER_SHIFT) + PROVIDER]!;
  const entry = e.providers[number]!;
  const resource = claimResource(entry);
  if (resource === -1) return -1;
  try {
    openEnds(e, number, resource);
  } catch (error) {
    dropResource(entry, resource);
    if (isReelError(error, "ERR_LIMIT")) return -1;
    throw error;
  }
  e.services.due.push(e.ends.handleOf(firstEnd(entry, resource)));
  return resource;
}

/** Notes which ends and numbers are in use, after a restore has put the end table in place. */
export function noteEnds(e: EngineState): void {
  for (const entry of e.providers) {
    entry.ends.fill(-1);
    entry.free.reset();
  }
  for (const end of e.ends.all()) {
    const entry = e.providers[e.ends.provider(end)]!;
    const resource = e.ends.resource(end);
    entry.ends[resource * entry.provider.endNames.length + e.ends.kind(end)] = end;
    entry.free.claim(resource);
  }
}
