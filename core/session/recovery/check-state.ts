/**
 * Checks every state that a recording keeps: each part is what its `state` event has the checksum
 * of. Opening does not, because nothing of it enters a replay; who takes a state checks that one.
 */
import { corrupt } from "../cursor.ts";
import { EVENT } from "../event.ts";
import type { Recording } from "../opened.ts";
import type { StateRowsReader, StoredPart } from "../store/state-rows.ts";

/**
 * Checks all states.
 * @returns how many there are
 * @throws {ReelError} ERR_CORRUPT_RECORDING, naming the event and the part
 */
export function checkStates(recording: Recording): number {
  const before = new Map<string, { part: StoredPart; bytes: Uint8Array }>();
  let count = 0;
  recording.states((rows) => {
    let sequence = rows.next(0);
    while (sequence !== undefined) {
      checkState(recording, rows, sequence, before);
      count++;
      sequence = rows.next(sequence + 1);
    }
  });
  return count;
}

function checkState(
  recording: Recording,
  rows: StateRowsReader,
  sequence: number,
  before: Map<string, { part: StoredPart; bytes: Uint8Array }>,
): void {
  const known = Number.isSafeInteger(sequence) && sequence < recording.eventCount;
  const record = known ? recording.cursorAt(sequence).peek() : undefined;
  if (record?.kind !== EVENT.STATE) {
    corrupt(`found a state at event ${sequence}, which has none`, { sequence }, recording.path);
  }
  for (const part of rows.parts(sequence)) {
    if (record.digests[part.part] !== part.crc32) {
      const name = `${part.name} of the state at event ${sequence}`;
      corrupt(`${name} is not what the event says`, { sequence }, recording.path);
    }
    const bytes = rows.bytes(part, before.get(part.name));
    before.set(part.name, { part, bytes });
  }
}
