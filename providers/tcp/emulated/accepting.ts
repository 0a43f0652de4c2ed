/** `accept` on the emulated network: its result is the handle of a new connection. */
import { ERRNO, layer, struct } from "../../../core/provider/index.ts";
import { accept, hasComer } from "../transport/calls.ts";
import { ROLE_CONNECTION, ROLE_LISTENER, type Sockets } from "./sockets.ts";

export function accepting(sockets: Sockets) {
  const { transport } = sockets;
  return layer({
    name: "tcp.accept",
    frame: struct({}),
    wait(_frame, run) {
      const socket = sockets.at(run.resource);
      if (socket.role !== ROLE_LISTENER) return run.ready(-ERRNO.EINVAL);
      if (hasComer(transport, socket.connection)) return run.ready();
      return sockets.await(run, socket.events, 0);
    },
    complete(_frame, run, result) {
      if (result < 0) return run.fail(-result);
      const listener = run.resource;
      const { connection } = sockets.at(listener);
      if (!hasComer(transport, connection)) return run.again();
      const resource = run.adopt();
      // The client stays in the queue: the next accept may find a free place for it.
      if (resource === -1) return run.fail(ERRNO.EMFILE);
      const { readTimeoutNs, writeTimeoutNs } = sockets.at(listener);
      try {
        sockets.begin(resource, ROLE_CONNECTION);
      } catch {
        // There are no wait lists left for it (limits.table.lists).
        sockets.cx.abandon(resource);
        return run.fail(ERRNO.ENOBUFS);
      }
      const socket = sockets.at(resource);
      sockets.setTimeouts(socket, { readTimeoutNs, writeTimeoutNs });
      socket.connection = accept(transport, connection, resource);
      return run.done(run.handleOf(resource));
    },
  });
}
