/**
 * Bytes of a recording's file for each of its operations, without what the reads brought in.
 * Argument: events. The reads' places are drawn at random, so that they do not pack.
 */
import { statSync } from "node:fs";
import { openRecording } from "../../core/session/recording.ts";
import type { Subject } from "../subject.ts";
import { recordingFolder } from "./session-folder.ts";
import { recordTraffic } from "./session-traffic.ts";

export default function open(argument: string): Subject {
  return {
    batch: 1,
    sample() {
      const folder = recordingFolder();
      recordTraffic(folder.path, { events: Number(argument) });
      using recording = openRecording(folder.path, { verify: "as-read" });
      const { operations } = recording.tableAt(recording.eventCount);
      const { size } = statSync(folder.path);
      folder.remove();
      return { value: size / operations, waited: 0 };
    },
    close() {},
  };
}
