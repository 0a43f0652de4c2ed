/**
 * What a recording keeps of its providers' state, by the names of their layouts: for places in
 * recordings of programs, which cannot be run again from the recording alone.
 */
import { decodeBlob } from "../state/blob.ts";
import { Records } from "../state/records.ts";
import { decodeProvider } from "./snapshot/provider-part.ts";
import type { EngineState, ProviderEntry } from "./state.ts";

/** A part of a state as it was taken, in its frame. */
export interface KeptPart {
  readonly name: string;
  readonly stateVersion: number;
  readonly bytes: Uint8Array;
}

/** A provider's open resources, each with its records' fields by the records' names. */
export interface KeptProvider {
  readonly kind: string;
  readonly resources: readonly {
    readonly resource: number;
    readonly records: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }[];
}

/**
 * Describes the providers' parts of a state.
 * @param e an engine with the same providers; it stays as it is
 * @returns those that had something open, and were of the version that the engine's are of
 * @throws {ReelError} ERR_STATE_CORRUPT when a part is none
 */
export function describeKept(e: EngineState, parts: readonly KeptPart[]): KeptProvider[] {
  const found: KeptProvider[] = [];
  for (const entry of e.providers) {
    const { kind, stateVersion } = entry.provider;
    const name = `provider.${kind}`;
    const part = parts.find((each) => each.name === name && each.stateVersion === stateVersion);
    // A provider that could not be saved at that moment is an empty part.
    if (part === undefined || decodeBlob(part.bytes, name).payload.length === 0) continue;
    const resources = describeResources(entry, part.bytes);
    if (resources.length > 0) found.push({ kind, resources });
  }
  return found;
}

function describeResources(entry: ProviderEntry, bytes: Uint8Array): KeptProvider["resources"] {
  return decodeProvider(entry, bytes).resources.map(({ records, resource }) => ({
    resource,
    records: Object.fromEntries(
      entry.records.map(({ layout, name }, at) => {
        const one = new Records(name, layout, 1);
        one.setBytes(0, records[at]!);
        return [name, layout.describe(one.at(0))];
      }),
    ),
  }));
}
