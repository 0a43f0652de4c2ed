/** What opening a provider gives, by the provider's type: its one end, or its ends by name. */
import type { Provider } from "../provider/define.ts";
import type { Static, TObject } from "../schema.ts";
import type { OpenEnd } from "./open-end.ts";

/** The provider of a kind among several. */
export type ProviderOf<P extends Provider, K extends string> =
  Extract<P, { kind: K }> extends never ? P : Extract<P, { kind: K }>;

/** The options that a provider takes; all may be left out that have a default. */
export type OptionsOf<P> =
  P extends Provider<infer O, string>
    ? TObject extends O
      ? Readonly<Record<string, unknown>>
      : Partial<Static<O>>
    : never;

/** Ends by name, and one way to close them all. */
export type OpenEnds<Ends extends string> = { readonly [E in Ends]: OpenEnd } & {
  /** Closes all ends, the last of the definition first. */
  close(): Promise<void>;
} & AsyncDisposable;

/** One end, or all by name with one way to close them. */
export function openedOf(ends: readonly OpenEnd[]): unknown {
  if (ends.length === 1) return ends[0];
  const close = async (): Promise<void> => {
    for (const end of ends.toReversed()) await end.close();
  };
  const named = Object.fromEntries(ends.map((end) => [end.name, end]));
  return { ...named, close, [Symbol.asyncDispose]: close };
}

export type Opened<P> =
  P extends Provider<TObject, infer Ends>
    ? string extends Ends
      ? OpenEnd & OpenEnds<string>
      : [Ends] extends ["main"]
        ? OpenEnd
        : OpenEnds<Ends>
    : never;
