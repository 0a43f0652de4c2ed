/** `ioreel session show`: what a recording holds, all of it verified first. */
import { ReelError } from "../../../core/errors.ts";
import { describeEvent } from "../../../core/session/describe.ts";
import {
  openRecording,
  type PlacedEvent,
  type Recording,
} from "../../../core/session/recording.ts";
import { eventNames, namesOf } from "../replay/names.ts";
import { columns, json, out, paint } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";

export interface ShowFlags {
  events?: string | true;
  json?: boolean;
}

export async function show(name: string, flags: ShowFlags): Promise<number> {
  const file = recordingNamed(name);
  using recording = openRecording(file);
  const range = flags.events === undefined ? undefined : rangeOf(flags.events);
  if (flags.json === true) {
    const events = range === undefined ? undefined : [...recording.events(...range)].map(eventData);
    json("session/v1", { ...recording.info, ...(events === undefined ? {} : { events }) });
    return 0;
  }
  out(page(recording));
  if (range === undefined) return 0;
  out("");
  const names = eventNames(namesOf(recording));
  for (const { event, sequence, timeNs } of recording.events(...range)) {
    const time = `${(timeNs / 1e6).toFixed(6)} ms`;
    out(`${String(sequence).padStart(8)}  ${time.padStart(16)}  ${describeEvent(event, names)}`);
  }
  return 0;
}

function page({ info }: Recording): string {
  const { attachments, backend, digest, eventCount, outcome, providers, seed, versions } = info;
  const rows = [
    ["recording", info.path],
    ["state", `${info.state}${outcome === undefined ? "" : `, outcome ${outcome}`}`],
    ["made", `${new Date(info.createdMs).toISOString()} by ioreel ${versions.ioreel}`],
    ["on", `Bun ${versions.bun}, Linux ${versions.kernel}, ${versions.arch}`],
    ["backend", backend],
    ["seed", String(seed)],
    ["providers", providers.map(({ kind, version }) => `${kind} ${version}`).join(", ") || "none"],
    ["inputs", attachments.map(({ name, sizeBytes }) => `${name} (${sizeBytes} B)`).join(", ")],
    ["events", `${eventCount} in ${info.segmentCount} segments`],
    ["digest", digest],
    ["verified", paint("green", "every segment and event")],
  ];
  return columns(rows.filter(([, value]) => value !== ""));
}

function rangeOf(flag: string | true): readonly [from: number, to: number] {
  if (flag === true) return [0, Number.POSITIVE_INFINITY];
  const match = /^(\d+)(?:-(\d+)?)?$/.exec(flag);
  if (match === null) {
    throw new ReelError("ERR_USAGE", `Cannot show events "${flag}": it is no range of numbers`, {
      mend: "Give it like 100-120, 100- or 100",
    });
  }
  const from = Number(match[1]);
  if (!flag.includes("-")) return [from, from];
  const to = match[2] === undefined ? Number.POSITIVE_INFINITY : Number(match[2]);
  if (from <= to) return [from, to];
  throw new ReelError("ERR_USAGE", `Cannot show events "${flag}": it ends before it begins`, {
    mend: `Give it like ${to}-${from}`,
  });
}

function eventData({ event, sequence, timeNs }: PlacedEvent): Record<string, unknown> {
  const fields = Object.entries(event).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? value.toHex() : value,
  ]);
  return { sequence, timeNs, ...Object.fromEntries(fields) };
}
