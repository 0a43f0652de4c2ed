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

export type Opened<P> =
  P extends Provider<TObject, infer Ends>
    ? string extends Ends
      ? OpenEnd & OpenEnds<string>
      : [Ends] extends ["main"]
        ? OpenEnd
        : OpenEnds<Ends>
    : never;
