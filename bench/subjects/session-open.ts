/**
 * Opens a large recording in a process of its own, as a command line does. Argument: its size in
 * bytes. The value is the time in milliseconds; besides there is the memory that the process took.
 */
import { join } from "node:path";
import type { Subject } from "../subject.ts";
import { recordingFolder } from "./session-folder.ts";
import { recordTraffic } from "./session-traffic.ts";

const OPENER = join(import.meta.dir, "../peers/open-recording.ts");
/** Bytes of the file for an event: of two, one has a payload of 4 KiB. */
const EVENT_BYTES = 2048;

export default function open(argument: string): Subject {
  const folder = recordingFolder();
  recordTraffic(folder.path, { events: Number(argument) / EVENT_BYTES, payload: true });
  return {
    batch: 1,
    sample() {
      const { stdout } = Bun.spawnSync([process.execPath, OPENER, folder.path]);
      const { openMs, ...metrics } = JSON.parse(stdout.toString()) as Record<string, number>;
      return { value: openMs!, waited: 0, metrics };
    },
    close: () => folder.remove(),
  };
}
