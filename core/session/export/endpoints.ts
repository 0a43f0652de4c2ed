/**
 * Addresses for the connections of a recording. Hosts are made up, one for each connection, so that
 * no two look alike: when both ends of a connection are in one recording, each is a stream of its
 * own, as its program saw it. Ports are those of the session where it asked for them.
 */
import { HOST_CALL } from "../event.ts";
import type { EventRecord } from "../event.ts";
import type { End } from "./ends.ts";
import type { Operation } from "./operation.ts";
import type { Endpoint } from "./segments.ts";

const AF_INET6 = 10;
const SERVER_PORT = 8000;
/** Ports for short use: RFC 6335, section 6. */
const CLIENT_PORT_FIRST = 49_152;
const CLIENT_PORTS = 16_384;
/** Addresses of listeners of which ports are remembered. */
const ADDRESSES_MAX = 4096;

/** 10.0.0.1 and fd00::1 for servers; 10.1.0.0/16 and on, fd00::1:0 and on, for clients. */
function address(family: number, host: number): Uint8Array {
  const bytes = new Uint8Array(family === AF_INET6 ? 16 : 4);
  new DataView(bytes.buffer).setUint32(bytes.length - 4, host);
  if (family === AF_INET6) bytes[0] = 0xfd;
  else bytes[0] = 10;
  return bytes;
}

const SERVER_HOST = 1;
const CLIENT_HOST_FIRST = 0x10000;
const CLIENT_HOSTS = 0xff0000;

/** The two sides of a connection. */
export interface Sides {
  readonly local: Endpoint;
  readonly peer: Endpoint;
}

export class Endpoints {
  /** Ports of the session's listeners by ring file. */
  readonly #byFile = new Map<number, number>();
  /** Ports by the checksum of the address, which is what a connect leaves in a recording. */
  readonly #byDigest = new Map<number, number>();
  /** Ports to which the connects in flight go. */
  readonly #connecting = new WeakMap<End, number>();

  /** Learns from the answers to getsockname. */
  hostCall({ args, bytes, code }: EventRecord): void {
    const [file = -1, peer] = args;
    if (code === HOST_CALL.CLOSE) this.#byFile.delete(file);
    if (code !== HOST_CALL.SOCKET_NAME || bytes === undefined || bytes.length < 4) return;
    const port = (bytes[2]! << 8) | bytes[3]!;
    if (peer !== 0 || port === 0) return;
    if (this.#byDigest.size >= ADDRESSES_MAX || this.#byFile.size >= ADDRESSES_MAX) return;
    this.#byFile.set(file, port);
    this.#byDigest.set(Bun.hash.crc32(bytes), port);
  }

  /** Remembers where a connection goes. */
  connecting({ digest, end }: Operation): void {
    const port = this.#byDigest.get(digest);
    if (port !== undefined) this.#connecting.set(end, port);
  }

  /** The sides of a connection, from the view of the program that was recorded. */
  of(end: End): Sides {
    const { family, listener, ordinal } = end;
    const client = {
      address: address(family, CLIENT_HOST_FIRST + (ordinal % CLIENT_HOSTS)),
      port: CLIENT_PORT_FIRST + (ordinal % CLIENT_PORTS),
    };
    const known = listener ? this.#byFile.get(listener.id) : this.#connecting.get(end);
    const server = { address: address(family, SERVER_HOST), port: known ?? SERVER_PORT };
    return listener ? { local: server, peer: client } : { local: client, peer: server };
  }
}
