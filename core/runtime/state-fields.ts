/** Where a provider's state is another than the recording kept, field by field. */
import { describeState } from "../engine/live-state.ts";
import type { EngineState } from "../engine/state.ts";
import { describeKept } from "../engine/stored-state.ts";
import type { FieldDifference } from "../session/divergence.ts";
import type { Recording } from "../session/recording.ts";

/** Rows of a report: whoever has more to look at replays up to there. */
const ROWS_MAX = 20;

type Fields = Map<string, string>;
interface Described {
  readonly kind: string;
  readonly resources: readonly {
    readonly resource: number;
    readonly records: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  }[];
}

/**
 * @param sequence number of a `state` event
 * @param e the engine of the replay, at that event
 * @returns the fields that differ; none when the recording keeps no such state
 */
export function stateFields(
  recording: Recording,
  sequence: number,
  e: EngineState,
): FieldDifference[] {
  const kept = recording.states((rows) => rows.providers(sequence));
  if (kept === undefined || kept.length === 0) return [];
  const before = fieldsOf(describeKept(e, kept));
  const now = fieldsOf(describeState(e).providers);
  const rows: FieldDifference[] = [];
  for (const field of new Set([...before.keys(), ...now.keys()])) {
    const recorded = before.get(field) ?? "nothing";
    const actual = now.get(field) ?? "nothing";
    if (recorded !== actual) rows.push({ field, recorded, actual, differs: true });
  }
  return rows.slice(0, ROWS_MAX);
}

function fieldsOf(providers: readonly Described[]): Fields {
  const fields: Fields = new Map();
  for (const { kind, resources } of providers) {
    for (const { records, resource } of resources) {
      for (const [record, values] of Object.entries(records)) {
        // A driver's records are called after its provider already.
        const short = record.startsWith(`${kind}.`) ? record.slice(kind.length + 1) : record;
        for (const [name, value] of Object.entries(values)) {
          fields.set(`${kind} ${resource} ${short}.${name}`, Bun.inspect(value));
        }
      }
    }
  }
  return fields;
}
