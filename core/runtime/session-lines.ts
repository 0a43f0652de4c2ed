/** What a program asks of its session while it runs. */
import { MARK_BYTES_MAX } from "../session/codec/format.ts";
import type { Session } from "./session.ts";

/** @throws {RangeError} for more than 16 KiB of UTF-8 */
export function markSession(session: Session | undefined, text: string): void {
  if (Buffer.byteLength(text) > MARK_BYTES_MAX) {
    throw new RangeError(`Cannot mark the session: a mark has at most ${MARK_BYTES_MAX} bytes`);
  }
  session?.tap.mark(text);
}
