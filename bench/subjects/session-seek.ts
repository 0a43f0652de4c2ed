/**
 * Travels to random events of a long recording. Argument: how many events it has. The value is the
 * time in milliseconds that one look-up in a hundred exceeds.
 */
import { hostMonotonicNs, NS_PER_MS } from "../../core/clock.ts";
import { Random } from "../../core/random.ts";
import { Timeline } from "../../core/session/places/timeline.ts";
import { openRecording } from "../../core/session/recording.ts";
import type { Subject } from "../subject.ts";
import { recordingFolder } from "./session-folder.ts";
import { recordTraffic } from "./session-traffic.ts";

export default function open(argument: string): Subject {
  const folder = recordingFolder();
  const events = recordTraffic(folder.path, { events: Number(argument) });
  const recording = openRecording(folder.path, { verify: "as-read" });
  const random = new Random(1);
  return {
    batch: 1,
    sample(operations) {
      const took = new Float64Array(operations);
      for (let i = 0; i < operations; i++) {
        const place = random.below(events);
        const start = hostMonotonicNs();
        new Timeline(recording).at(place);
        took[i] = (hostMonotonicNs() - start) / NS_PER_MS;
      }
      took.sort();
      const at = (share: number): number => took[Math.floor((operations - 1) * share)]!;
      return { value: at(0.99), waited: 0, metrics: { "p50 ms": at(0.5), "max ms": at(1) } };
    },
    close() {
      recording.close();
      folder.remove();
    },
  };
}
