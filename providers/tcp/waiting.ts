/** How reads and writes wait, the same for both drivers. */
import { ERRNO, type LayerContext } from "../../core/provider/index.ts";

/** A wait that took too long fails as a socket's does. @returns a positive error number */
export function timedOut(result: number): number {
  return result === -ERRNO.ETIME ? ERRNO.ETIMEDOUT : -result;
}

/** A write waits for its turn no longer: its bytes are none of those in line. */
export function leaveLine(
  frame: { waits: boolean },
  socket: { waitingBytes: number },
  run: LayerContext,
): void {
  if (!frame.waits) return;
  frame.waits = false;
  socket.waitingBytes -= run.length;
}
