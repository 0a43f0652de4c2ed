/** Closing sockets: abortively, with all that came for them, and with the name they had. */
import { layer, struct, type WaitQueue } from "../../../core/provider/index.ts";
import { oldest } from "./accepting.ts";
import { errorNumber } from "./errors.ts";
import type { Openings } from "./openings.ts";
import { makeAbortive } from "./socket-maker.ts";
import { KIND_LISTENER, type Sockets } from "./sockets.ts";

/** `abort`: makes the close that follows a reset. */
export function aborting({ cx, records }: Sockets) {
  return layer({
    name: "tcp.abort",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      try {
        makeAbortive(cx.host, records.at(run.resource).file - 1);
        return run.done(0);
      } catch (error) {
        return run.fail(errorNumber(error));
      }
    },
  });
}

/** Lets go of everything that a resource has. Nothing is in flight on it. */
export function release(sockets: Sockets, openings: Openings, resource: number): void {
  const { cx, inboxes, records } = sockets;
  openings.forget(resource);
  const record = records.at(resource);
  const { file, kind, readable, resume, writable } = record;
  if (file === 0) return;
  // Connections that nobody accepted end with their listener.
  if (kind === KIND_LISTENER) {
    while (records.at(resource).first !== 0) cx.abandon(oldest(sockets, resource));
  } else {
    inboxes.empty(record);
  }
  records.at(resource).file = 0;
  for (const queue of [readable, writable, resume]) cx.dispose(queue as WaitQueue);
  const path = openings.paths.get(resource);
  openings.paths.delete(resource);
  delete openings.labels[resource];
  cx.host.close(file - 1);
  // Somebody may wait for a descriptor to accept with.
  cx.wake(sockets.descriptors);
  if (path !== undefined) unlink(sockets, path);
}

function unlink({ cx }: Sockets, path: string): void {
  try {
    cx.host.unlink(path);
  } catch (error) {
    // Whoever removed the name before has done what we wanted.
    if ((error as { code?: string }).code !== "ENOENT") throw error;
  }
}
