/**
 * The providers of a recorded session and those at hand: whether these can stand in for those, what
 * they call things, and with which settings they were started.
 */
import { ENGINE_STATE_VERSION } from "../engine/snapshot.ts";
import { ENGINE_PARTS } from "../engine/state-parts.ts";
import { ReelError } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import type { Recording } from "../session/recording.ts";
import { checkSettings, type Settings } from "./settings.ts";
import type { RecordedOptions } from "./session.ts";

/** Names of providers' operations, for reports. */
export function operationNames(providers: readonly Provider[]) {
  const names = new Map(providers.map(({ kind, operationNames: list }) => [kind, list]));
  return (kind: string, operation: number): string =>
    names.get(kind)?.[operation] ?? `operation ${operation}`;
}

/**
 * Which parts of a state mean the same now as when it was recorded: those whose layouts are of the
 * same version.
 * @param providers those that replay, in the recording's order
 */
export function comparableParts(
  { info }: Recording,
  providers: readonly Provider[],
): readonly boolean[] {
  const engine = (info.options as RecordedOptions).engineState === ENGINE_STATE_VERSION;
  const same = info.providers.map(({ stateVersion }, at) => {
    return providers[at]?.stateVersion === stateVersion;
  });
  return [...ENGINE_PARTS.map(() => engine), ...same];
}

/**
 * Whether the providers at hand can replay what the recording's providers did. A replay begins at
 * the first event and takes over no state, so that providers may keep theirs in a newer layout.
 * @throws {ReelError} ERR_INCOMPATIBLE_RECORDING naming the provider and both versions
 */
export function checkProviders(recording: Recording, providers: readonly Provider[]): Provider[] {
  return recording.info.providers.map((wanted) => {
    const found = providers.find((provider) => provider.kind === wanted.kind);
    if (found !== undefined && found.stateVersion >= wanted.stateVersion) return found;
    const has = found === undefined ? "none" : `state version ${found.stateVersion}`;
    throw new ReelError(
      "ERR_INCOMPATIBLE_RECORDING",
      `Cannot replay ${recording.info.path}: it was made with provider ${wanted.kind} of state ` +
        `version ${wanted.stateVersion}: found ${has}`,
      { mend: `Register provider ${wanted.kind} ${wanted.version}` },
    );
  });
}

/**
 * The settings with which the providers of a recording were started.
 * @throws {ReelError} ERR_INCOMPATIBLE_RECORDING when they are none that the providers take
 */
export function recordedSettings(recording: Recording, providers: readonly Provider[]): Settings {
  const { path, providers: recorded } = recording.info;
  const chosen = recorded.filter(({ config }) => config !== null);
  try {
    return checkSettings(
      providers,
      Object.fromEntries(chosen.map(({ kind, config }) => [kind, config])),
    );
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ReelError("ERR_INCOMPATIBLE_RECORDING", `Cannot replay ${path}: ${why}`, {
      mend: "Register the providers in the versions that it was made with",
      cause,
    });
  }
}
