/** `io.listen`, `io.connect`, `io.network`: the methods that every runtime with `tcp` has. */
import type { FaceEnd, FaceHost } from "../../../core/provider/index.ts";
import { NAME_LOCAL, type TcpOptions } from "../options.ts";
import { addressOf, type SocketAddress } from "./address.ts";
import { optionsOf, requireSignal } from "./checks.ts";
import { Connection } from "./connection.ts";
import { Listener } from "./listener.ts";
import { Network } from "./network.ts";
import type { ServeHandlers } from "./served.ts";
import { Server } from "./server.ts";

type Common = "inboxBytes" | "keepAlive" | "keepAliveDelayNs" | "noDelay" | "path" | "port";
type Timeouts = "readTimeoutNs" | "writeTimeoutNs" | "zeroCopyFromBytes";

export type ListenOptions = Partial<
  Pick<TcpOptions, Common | Timeouts | "backlog" | "fd" | "from" | "host" | "reusePort">
>;

export type ConnectOptions = Partial<
  Pick<TcpOptions, Common | Timeouts | "connectTimeoutNs" | "fd" | "from" | "host">
> & {
  /** Gives the attempt up when it is aborted. */
  signal?: AbortSignal;
};

export interface TcpFace {
  /**
   * Listens for connections.
   * @param options a port, or `host` (127.0.0.1), `port` (0: a free one), `path`, `fd` and others
   * @throws {ReelError} (as a rejection) EADDRINUSE, EACCES, EADDRNOTAVAIL, ENOTFOUND
   */
  listen(options?: ListenOptions | number): Promise<Listener>;
  /**
   * Serves every connection by handlers, without a promise for each chunk: the fastest way, for
   * programs that answer what comes as it comes. All others are better read with {@link listen}.
   * @param options as for {@link listen}
   * @throws {ReelError} (as a rejection) as {@link listen}
   */
  serve(options: ListenOptions | number, handlers: ServeHandlers): Promise<Server>;
  /**
   * Connects to a server.
   * @param options a port, or `host` (127.0.0.1), `port`, `path`, `fd` and others
   * @throws {ReelError} (as a rejection) ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ENOTFOUND
   */
  connect(options: ConnectOptions | number): Promise<Connection>;
  /**
   * Controls the emulated network. @throws {ReelError} (as a rejection) ERR_UNSUPPORTED elsewhere
   */
  network(): Promise<Network>;
}

const HANDLERS: readonly string[] = ["open", "data", "end", "close"];

/** Opens a listener, and asks for its address. */
async function openListener(
  io: FaceHost,
  options: ListenOptions | number,
): Promise<[end: FaceEnd, address: SocketAddress]> {
  const chosen: ListenOptions = optionsOf("listen", options);
  const adopts = chosen.fd !== undefined && chosen.fd >= 0;
  const role = adopts ? { role: "adopt", listening: true } : { role: "listen" };
  const end = await io.open("tcp", { ...chosen, ...role });
  try {
    return [end, await addressOf(end, NAME_LOCAL)];
  } catch (error) {
    await end.close();
    throw error;
  }
}

export function tcpFace(io: FaceHost): TcpFace {
  return {
    async listen(options = {}) {
      return new Listener(io, ...(await openListener(io, options)));
    },
    async serve(options, handlers) {
      if (typeof handlers?.data !== "function") {
        throw new TypeError("Cannot serve: handlers must have a function data(connection, chunk)");
      }
      const unknown = Object.keys(handlers).find((name) => !HANDLERS.includes(name));
      if (unknown !== undefined) {
        throw new TypeError(
          `Cannot serve: found the handler "${unknown}", wanted ${HANDLERS.join(", ")}`,
        );
      }
      return new Server(io, ...(await openListener(io, options)), handlers);
    },
    async connect(options) {
      const { signal, ...chosen }: ConnectOptions = optionsOf("connect", options);
      requireSignal("connect", signal);
      const role = chosen.fd !== undefined && chosen.fd >= 0 ? "adopt" : "connect";
      return new Connection(await io.open("tcp", { ...chosen, role }, signal));
    },
    async network() {
      return new Network(await io.open("tcp", { role: "network" }));
    },
  };
}
