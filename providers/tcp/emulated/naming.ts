/** `name` and `abort` on the emulated network: neither waits. */
import { ERRNO, layer, struct } from "../../../core/provider/index.ts";
import { NAME_PEER } from "../options.ts";
import { makeAbortive } from "../transport/calls.ts";
import { ROLE_CONNECTION, ROLE_LISTENER, ROLE_NETWORK, type Sockets } from "./sockets.ts";

const encoder = new TextEncoder();

/** Its address, or its peer's, as text. */
export function naming(sockets: Sockets) {
  return layer({
    name: "tcp.name",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      const { connection, role } = sockets.at(run.resource);
      const isPeer = run.argument === NAME_PEER;
      if (role === ROLE_NETWORK) return run.fail(ERRNO.EOPNOTSUPP);
      if (isPeer && role === ROLE_LISTENER) return run.fail(ERRNO.ENOTCONN);
      const c = sockets.transport.at(connection);
      const name = isPeer
        ? sockets.nameOf(c.remote, c.remotePort)
        : sockets.nameOf(c.local, c.localPort);
      const text = encoder.encode(name);
      if (text.length > run.length) return run.fail(ERRNO.EINVAL);
      run.bring(text, 0, text.length);
      return run.done(0);
    },
  });
}

/** Makes closing reset the connection. */
export function aborting(sockets: Sockets) {
  return layer({
    name: "tcp.abort",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      const { connection, role } = sockets.at(run.resource);
      if (role === ROLE_NETWORK) return run.fail(ERRNO.EOPNOTSUPP);
      if (role === ROLE_CONNECTION) makeAbortive(sockets.transport, connection);
      return run.done(0);
    },
  });
}
