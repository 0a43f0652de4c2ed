/**
 * What of a recording's makers is another version now: the first suspects when a replay differs.
 * Nothing of it is compared for being the same; most recordings replay on later versions.
 */
import type { RecordingInfo } from "./recording.ts";
import { hostFacts } from "./store/host-facts.ts";

/** A provider that replays, by what it says of itself. */
interface PresentProvider {
  readonly kind: string;
  readonly version: string;
}

/**
 * @param info what the recording says
 * @param providers those that replay it
 * @returns one line for each difference: `provider tcp 1.0.0 -> 1.1.0`
 */
export function versionSkew(
  { providers: recorded, versions }: RecordingInfo,
  providers: readonly PresentProvider[],
): string[] {
  const lines: string[] = [];
  const compare = (what: string, then: string, now: string): void => {
    if (then !== now) lines.push(`${what} ${then} -> ${now}`);
  };
  const present = hostFacts();
  compare("ioreel", versions.ioreel, present.ioreel);
  for (const { kind, version } of recorded) {
    const now = providers.find((provider) => provider.kind === kind);
    if (now !== undefined) compare(`provider ${kind}`, version, now.version);
  }
  compare("Bun", versions.bun, present.bun);
  compare("architecture", versions.arch, present.arch);
  return lines;
}
