/**
 * All that an engine and its providers hold at one moment, by the names of their layouts: for
 * people who travel in a recording, and for reports. Looking changes nothing.
 */
import { END_CLOSING } from "../descriptor/ends.ts";
import { describeWaits, type WaitDescription } from "./inspect.ts";
import type { EngineState, ProviderEntry } from "./state.ts";

/** An open end. */
export interface EndDescription {
  readonly handle: number;
  readonly provider: string;
  readonly resource: number;
  /** Its name in the definition: `reader`. */
  readonly end: string;
  readonly state: "open" | "closing";
  readonly inFlight: number;
}

/** What a provider knows of one of its resources. */
export interface ResourceDescription {
  readonly resource: number;
  /** The driver's words for it, if it has any. */
  readonly description: string | undefined;
  /** Its records' fields, by the records' names. */
  readonly records: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly statistics: Readonly<Record<string, number>> | undefined;
}

export interface ProviderDescription {
  readonly kind: string;
  readonly resources: readonly ResourceDescription[];
  /** Names of its device models. */
  readonly devices: readonly string[];
}

export interface LiveState {
  readonly operations: readonly WaitDescription[];
  readonly ends: readonly EndDescription[];
  /** Those with an open resource. */
  readonly providers: readonly ProviderDescription[];
}

/** Describes what there is. May be called at any moment, also while a driver is at work. */
export function describeState(e: EngineState): LiveState {
  const { ends } = e;
  const open = [...ends.all()].map((end): EndDescription => {
    const { provider } = e.providers[ends.provider(end)]!;
    return {
      handle: ends.handleOf(end),
      provider: provider.kind,
      resource: ends.resource(end),
      end: provider.endNames[ends.kind(end)]!,
      state: ends.state(end) === END_CLOSING ? "closing" : "open",
      inFlight: ends.inFlight(end),
    };
  });
  const providers = e.providers.map(describeProvider);
  return {
    operations: describeWaits(e),
    ends: open,
    providers: providers.filter(({ resources }) => resources.length > 0),
  };
}

function describeProvider(entry: ProviderEntry): ProviderDescription {
  const { driver, free, openEnds, provider, records } = entry;
  const open = free.taken().filter((resource) => openEnds[resource] !== 0);
  return {
    kind: provider.kind,
    resources: open.map((resource) => ({
      resource,
      description: asked(() => driver.describe?.(resource)),
      records: Object.fromEntries(
        records.map((each) => [each.name, each.layout.describe(each.view(resource))]),
      ),
      statistics: asked(() => driver.statistics?.(resource)),
    })),
    devices: (driver.devices ?? []).map(({ name }) => name),
  };
}

/** A driver in the middle of its work may not be able to say. */
function asked<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}
