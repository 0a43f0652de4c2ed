/** `ioreel session export`: a recording in a format of another tool. */
import { ReelError } from "../../../core/errors.ts";
import { DISK } from "../../../core/session/export/ends.ts";
import {
  exportRecording,
  type ByteSink,
  type WalkRange,
} from "../../../core/session/export/export.ts";
import { BINARY_FORMATS, type ExportFormat } from "../../../core/session/export/formats.ts";
import { openRecording, type Recording } from "../../../core/session/recording.ts";
import { BUILT_IN_PROVIDERS } from "../../../providers/index.ts";
import { isSameFile, writeFileWhole } from "../../file-sink.ts";
import { isTerminal, note, outBytes } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";
import { kindsOf } from "../../scenario/kinds.ts";

export interface ExportFlags {
  format: ExportFormat;
  output?: string;
  from?: number;
  to?: number;
  provider?: string;
}

export async function exportSession(name: string, flags: ExportFlags): Promise<number> {
  const file = recordingNamed(name);
  using recording = openRecording(file);
  const { format, output } = flags;
  const range = rangeOf(recording, flags);
  if (output === undefined && BINARY_FORMATS.includes(format) && isTerminal()) {
    throw new ReelError("ERR_USAGE", `Cannot print ${format} on a terminal: it is no text`, {
      mend: `Give a file with -o, or pass the output on with "| tool" or "> file"`,
    });
  }
  if (output !== undefined && isSameFile(file, output)) {
    throw new ReelError("ERR_USAGE", `Cannot export to ${output}: it is the recording itself`, {
      mend: "Give another file with -o",
    });
  }
  const run = (sink: ByteSink): readonly string[] =>
    exportRecording(recording, format, sink, operationNames(), range);
  const notes = output === undefined ? run({ write: outBytes }) : writeFileWhole(output, run);
  for (const text of notes) note(`note: ${text}`);
  return 0;
}

/** The names of the providers' operations, which a recording gives as numbers. */
export function operationNames(): (kind: string, operation: number) => string | undefined {
  const kinds = kindsOf(BUILT_IN_PROVIDERS);
  const lists = new Map<string, string[]>();
  for (const [kind, { operations }] of kinds) lists.set(kind, Object.keys(operations));
  return (kind, operation) => lists.get(kind)?.[operation];
}

function rangeOf({ info, providerKinds }: Recording, flags: ExportFlags): WalkRange {
  const { from = 0, provider, to = Number.POSITIVE_INFINITY } = flags;
  if (from > to) {
    throw new ReelError("ERR_USAGE", `Cannot export events ${from} to ${to}: there are none`, {
      mend: "Give --from a number that is not above that of --to",
    });
  }
  if (provider === undefined) return { from, to };
  const kinds = info.backend === "uring" ? uringKinds(providerKinds) : providerKinds;
  if (!kinds.includes(provider)) {
    const found = `the recording, of ${info.backend}, has none`;
    throw new ReelError("ERR_USAGE", `Cannot export the provider "${provider}": ${found}`, {
      mend: `Give one of ${kinds.join(", ")}`,
    });
  }
  return { from, to, provider };
}

/** On io_uring every disk is a file, and which one it was is no part of a recording. */
function uringKinds(kinds: readonly string[]): string[] {
  const disks = new Set(["ata", "fdd", "sata"]);
  const others = kinds.filter((kind) => !disks.has(kind));
  return others.length < kinds.length ? [...others, DISK] : others;
}
