/** `ioreel session recover`: makes one file of a recording whose process died. */
import { unreadTail, writeRecovered } from "../../../core/session/recovery/write-recovered.ts";
import { json, out } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";

export async function recover(name: string, flags: { json?: boolean }): Promise<number> {
  const file = recordingNamed(name);
  const info = writeRecovered(file);
  const { digest, eventCount, recovered, uuid } = info;
  if (flags.json === true) {
    const state = info.state;
    json("recover/v1", {
      file,
      uuid,
      state,
      events: eventCount,
      digest,
      recovered: recovered ?? null,
    });
  } else if (recovered === undefined) {
    out(`${file} needs no recovery: it is ${info.state}, ${eventCount} events`);
  } else {
    out(`${file} holds all ${eventCount} events now, ${recovered.fromTail} of them from its tail`);
    if (!recovered.isWhole) out(`what may be left of its tail is kept in ${unreadTail(file)}`);
  }
  return 0;
}
