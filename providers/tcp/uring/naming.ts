/** Names of sockets: the operation that asks for them, and how a resource is called in errors. */
import { ERRNO, layer, struct } from "../../../core/provider/index.ts";
import { NAME_PEER } from "../options.ts";
import { decodeAddress, formatAddress } from "./address.ts";
import { errorNumber } from "./errors.ts";
import type { Openings } from "./openings.ts";
import { KIND_LISTENER, type Sockets } from "./sockets.ts";

const encoder = new TextEncoder();

/** `name`: a socket's address, or its peer's, as text. */
export function naming({ cx, records }: Sockets) {
  return layer({
    name: "tcp.name",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      try {
        const file = records.at(run.resource).file - 1;
        const sockaddr = cx.host.socketName(file, run.argument === NAME_PEER);
        const { family, host, path, port } = decodeAddress(sockaddr);
        const words = family === "unix" ? [family, path] : [family, host, port];
        const text = encoder.encode(words.join(" "));
        if (text.length > run.length) return run.fail(ERRNO.EINVAL);
        run.bring(text, 0, text.length);
        return run.done(0);
      } catch (error) {
        return run.fail(errorNumber(error));
      }
    },
  });
}

/** The address that a socket was opened with; of an accepted one, its peer's. */
export function describe({ cx, records }: Sockets, openings: Openings, resource: number): string {
  const label = openings.labels[resource];
  const { file, kind } = records.at(resource);
  // A listener that asked for any port has been given one.
  const listens = kind === KIND_LISTENER && file !== 0;
  if (label !== undefined && !(listens && label.endsWith(":0"))) return label;
  if (file === 0) return "a closed connection";
  try {
    return formatAddress(decodeAddress(cx.host.socketName(file - 1, !listens)));
  } catch {
    return "a lost peer";
  }
}
