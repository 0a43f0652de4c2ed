/**
 * Makes sockets by calls that do not wait: the options that people chose, in the kernel's terms.
 */
import type { DriverContext } from "../../../core/provider/index.ts";
import { NS_PER_SECOND } from "../../../core/provider/index.ts";
import type { TcpOptions } from "../options.ts";
import { AF_INET, AF_INET6, AF_UNIX, encodeInet, encodeUnix, familyOf } from "./address.ts";

/** Linux: include/linux/net.h, asm-generic/socket.h, uapi/linux/tcp.h, uapi/linux/in6.h. */
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_KEEPALIVE = 9;
const SO_LINGER = 13;
const SO_REUSEPORT = 15;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const TCP_KEEPIDLE = 4;

type Host = DriverContext["host"];

/** An int, as setsockopt(2) takes it. */
function int(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

export class SocketMaker {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /**
   * A socket that listens.
   * @param host numeric; not used for a path
   * @throws {ReelError} the errno's code; nothing stays open then
   */
  listen(options: TcpOptions, host: string): number {
    const { path, port } = options;
    const unix = path !== "";
    const file = this.#make(options, unix ? AF_UNIX : (familyOf(host) ?? AF_INET));
    return this.#orClose(file, () => {
      if (!unix) this.#host.setSocketOption(file, SOL_SOCKET, SO_REUSEADDR, int(1));
      if (options.reusePort) this.#host.setSocketOption(file, SOL_SOCKET, SO_REUSEPORT, int(1));
      this.#host.bind(file, unix ? encodeUnix(path) : encodeInet(host, port));
      this.#host.listen(file, options.backlog);
    });
  }

  /**
   * A socket that is to connect.
   * @param host numeric; not used for a path
   * @param from numeric local address, or empty
   * @throws {ReelError} the errno's code; nothing stays open then
   */
  client(options: TcpOptions, host: string, from: string): number {
    const unix = options.path !== "";
    const family = unix ? AF_UNIX : (familyOf(host) ?? AF_INET);
    const file = this.#make(options, family);
    return this.#orClose(file, () => {
      if (from !== "" && !unix) this.#host.bind(file, encodeInet(from, 0));
    });
  }

  #make(options: TcpOptions, family: number): number {
    const file = this.#host.socket(family, SOCK_STREAM, 0);
    if (family !== AF_INET && family !== AF_INET6) return file;
    return this.#orClose(file, () => {
      // Connections that a listener accepts take over these options of it.
      if (options.noDelay) this.#host.setSocketOption(file, IPPROTO_TCP, TCP_NODELAY, int(1));
      if (!options.keepAlive) return;
      this.#host.setSocketOption(file, SOL_SOCKET, SO_KEEPALIVE, int(1));
      const seconds = Math.ceil(options.keepAliveDelayNs / NS_PER_SECOND);
      if (seconds > 0) this.#host.setSocketOption(file, IPPROTO_TCP, TCP_KEEPIDLE, int(seconds));
    });
  }

  #orClose(file: number, action: () => void): number {
    try {
      action();
      return file;
    } catch (error) {
      this.#host.close(file);
      throw error;
    }
  }
}

/**
 * Makes the next close of a connection abortive: what was not sent is dropped and the peer is told
 * by a reset (socket(7), SO_LINGER with no time).
 * @throws {ReelError} the errno's code
 */
export function makeAbortive(host: Host, file: number): void {
  host.setSocketOption(file, SOL_SOCKET, SO_LINGER, new Uint8Array(Int32Array.of(1, 0).buffer));
}
