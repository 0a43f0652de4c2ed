/** The state at a place as text: operations, ends and records by the names of their fields. */
import type { LiveState } from "../../../core/engine/live-state.ts";
import { paint } from "../../output.ts";
import { plain } from "./data.ts";
import type { KeptState } from "./kept.ts";
import type { FoundState } from "./live.ts";

/** Digits of a byte field that a page shows. */
const HEX_SHOWN = 64;

/**
 * The state that was found for a place.
 * @param provider only what is of this kind
 */
export function foundText(found: FoundState, sequence: number, provider?: string): string {
  if ("live" in found) return stateText(found.live, provider);
  const { kept } = found;
  const before = `${sequence - kept.sequence} events before`;
  const title = paint("dim", `as the recording kept it at event ${kept.sequence}, ${before}`);
  return `${title}\n${keptText(kept, provider)}`;
}

function keptText({ providers }: KeptState, provider: string | undefined): string {
  const lines: string[] = [];
  for (const { kind, resources } of providers) {
    if (provider !== undefined && kind !== provider) continue;
    lines.push(paint("bold", `provider ${kind}`));
    for (const { records, resource } of resources) {
      lines.push(`  resource ${resource}`, ...recordLines(records));
    }
  }
  return lines.length > 0 ? lines.join("\n") : nothing(provider);
}

const nothing = (provider: string | undefined): string =>
  provider === undefined ? "nothing is open" : `nothing of ${provider} is open`;

function recordLines(records: Readonly<Record<string, Readonly<Record<string, unknown>>>>) {
  return Object.entries(records).map(([name, fields]) => `    ${name}${fieldsText(fields)}`);
}

/** The state of a run, operations first. */
function stateText(state: LiveState, provider: string | undefined): string {
  const wanted = (kind: string): boolean => provider === undefined || kind === provider;
  const lines: string[] = [];
  for (const each of state.operations.filter((operation) => wanted(operation.provider))) {
    const what = `${each.provider} ${each.end} ${each.operation}`;
    lines.push(paint("bold", `operation ${each.handle}: ${what}`), `  waits for ${each.waitsFor}`);
    for (const { frame, layer } of each.layers) lines.push(`  ${layer}${fieldsText(frame)}`);
  }
  for (const { devices, kind, resources } of state.providers.filter((each) => wanted(each.kind))) {
    lines.push(paint("bold", `provider ${kind}`));
    if (devices.length > 0) lines.push(`  devices: ${devices.join(", ")}`);
    for (const { description, records, resource, statistics } of resources) {
      lines.push(`  resource ${resource}${description === undefined ? "" : `: ${description}`}`);
      const ends = state.ends.filter((end) => end.provider === kind && end.resource === resource);
      const names = ends.map(({ end, handle, inFlight, state: now }) => {
        return `${end} (handle ${handle}, ${now}, ${inFlight} in flight)`;
      });
      lines.push(`    ends: ${names.join(", ")}`);
      lines.push(...recordLines(records));
      if (statistics !== undefined) lines.push(`    statistics${fieldsText(statistics)}`);
    }
  }
  return lines.length > 0 ? lines.join("\n") : nothing(provider);
}

function fieldsText(fields: Readonly<Record<string, unknown>>): string {
  const texts = Object.entries(fields).map(([name, value]) => `${name}=${valueText(value)}`);
  return texts.length === 0 ? "" : ` ${texts.join(" ")}`;
}

function valueText(value: unknown): string {
  const text = value instanceof Uint8Array ? value.toHex() : JSON.stringify(plain(value));
  const cut = value instanceof Uint8Array && text.length > HEX_SHOWN;
  return cut ? `${text.slice(0, HEX_SHOWN)}...` : text;
}
