/** What is chosen for a provider as a whole when a runtime starts: `settings: { tcp: { … } }`. */
import type { Provider } from "../provider/define.ts";
import { checkSchema } from "./check-schema.ts";

/** Each provider's settings by its kind, checked and with their defaults. */
export type Settings = ReadonlyMap<string, unknown>;

/**
 * Checks the settings of all providers and fills in their defaults.
 * @param given by kind; a provider that is not named gets its defaults
 * @throws {TypeError} naming the kind that nobody registered, that has no settings, or the field
 */
export function checkSettings(
  providers: readonly Provider[],
  given: Readonly<Record<string, unknown>> = {},
): Settings {
  for (const kind of Object.keys(given)) {
    const provider = providers.find((each) => each.kind === kind);
    const problem = provider === undefined ? "there is no provider" : "it has none";
    if (provider?.settings === undefined) {
      const known = providers.filter((each) => each.settings !== undefined);
      const kinds = known.map((each) => each.kind).join(", ") || "none";
      throw new TypeError(
        `Cannot start with settings of ${kind}: ${problem}; those with: ${kinds}`,
      );
    }
  }
  const checked = new Map<string, unknown>();
  for (const { kind, settings } of providers) {
    if (settings === undefined) continue;
    checked.set(kind, checkSchema("start", `settings.${kind}`, settings, given[kind]));
  }
  return checked;
}
