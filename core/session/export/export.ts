/**
 * Recordings in the formats of other tools. An export reads a recording once, from its first event
 * to its last, and writes as it goes: neither is ever held as a whole.
 */
import type { Recording } from "../recording.ts";
import { ChromeTrace } from "./chrome.ts";
import { FioLog } from "./fio.ts";
import type { ExportFormat } from "./formats.ts";
import { JsonLines } from "./ndjson.ts";
import { Output } from "./output.ts";
import type { ByteSink } from "./output.ts";
import { PacketCapture } from "./pcap.ts";
import { PerfettoTrace } from "./perfetto.ts";
import { OperationWalk } from "./walk.ts";
import type { OperationNames, WalkRange, WalkVisitor } from "./walk.ts";

export type { ByteSink } from "./output.ts";
export type { WalkRange } from "./walk.ts";

/** One format: what the walk tells is written by it. */
export interface Exporter extends WalkVisitor {
  /** Writes what comes after the last event. */
  finish(): void;
  /** What the format could not say of the recording, for people; after {@link finish}. */
  readonly notes?: readonly string[];
}

type Make = (output: Output, recording: Recording, names: OperationNames) => Exporter;

const FORMATS: Readonly<Record<ExportFormat, Make>> = {
  perfetto: (output, recording) => new PerfettoTrace(output, about(recording)),
  chrome: (output, recording) => new ChromeTrace(output, about(recording)),
  ndjson: (output, _recording, names) => new JsonLines(output, names),
  fio: (output) => new FioLog(output, 3),
  "fio-v2": (output) => new FioLog(output, 2),
  pcap: (output, { info }) => new PacketCapture(output, info.createdMs),
};

/** What a trace says of the recording that it was made of. */
function about({ info }: Recording): Record<string, unknown> {
  const { backend, digest, eventCount, outcome, seed, state, uuid, versions } = info;
  return {
    recording: uuid,
    state,
    outcome,
    backend,
    seed,
    events: eventCount,
    digest,
    ...versions,
  };
}

/**
 * Writes a recording in another format.
 * @param sink takes the bytes; what it throws passes
 * @param operation the names of providers' operations
 * @returns what the format could not say, for people
 * @throws {ReelError} ERR_CORRUPT_RECORDING when the file has changed since it was opened
 */
export function exportRecording(
  recording: Recording,
  format: ExportFormat,
  sink: ByteSink,
  operation: OperationNames["operation"],
  range: WalkRange = {},
): readonly string[] {
  const names: OperationNames = { providers: recording.providerKinds, operation };
  const make = FORMATS[format];
  const exporter = make(new Output(sink), recording, names);
  new OperationWalk(exporter, names, range).run(recording.cursor());
  exporter.finish();
  return exporter.notes ?? [];
}
