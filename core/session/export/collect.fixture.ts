/** An export in memory, for tests. */
import { openRecording } from "../recording.ts";
import { exportRecording } from "./export.ts";
import type { WalkRange } from "./export.ts";
import type { ExportFormat } from "./formats.ts";

export interface Exported {
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly notes: readonly string[];
}

/** Names of operations as the providers have them. */
export type Names = (kind: string, operation: number) => string | undefined;

/** Exports a recording's file. */
export function exported(
  path: string,
  format: ExportFormat,
  names: Names,
  range: WalkRange = {},
): Exported {
  using recording = openRecording(path);
  const chunks: Uint8Array[] = [];
  const sink = {
    write(bytes: Uint8Array) {
      chunks.push(bytes.slice());
      return true;
    },
  };
  const notes = exportRecording(recording, format, sink, names, range);
  const bytes = new Uint8Array(Buffer.concat(chunks));
  return { bytes, text: new TextDecoder().decode(bytes), notes };
}
