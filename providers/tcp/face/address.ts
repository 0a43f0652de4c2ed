/** What the `name` operation says, for people. */
import type { FaceEnd } from "../../../core/provider/index.ts";
import { NAME_BYTES_MAX } from "../options.ts";

export interface SocketAddress {
  readonly family: "ipv4" | "ipv6" | "unix";
  /** Numeric; empty for a Unix-domain socket. */
  readonly host: string;
  readonly port: number;
  /** Of a Unix-domain socket; empty for one without a name. */
  readonly path: string;
}

/** Reads "ipv4 127.0.0.1 80" or "unix /path". */
export function parseAddress(text: string): SocketAddress {
  const space = text.indexOf(" ");
  const family = text.slice(0, space) as SocketAddress["family"];
  const rest = text.slice(space + 1);
  if (family === "unix") return { family, host: "", port: 0, path: rest };
  const [host = "", port = "0"] = rest.split(" ");
  return { family, host, port: Number(port), path: "" };
}

/** Asks a socket for its own address, or its peer's. */
export async function addressOf(end: FaceEnd, which: number): Promise<SocketAddress> {
  const bytes = new Uint8Array(new ArrayBuffer(NAME_BYTES_MAX));
  const length = await end.perform("name", bytes, { argument: which });
  return parseAddress(new TextDecoder().decode(bytes.subarray(0, length)));
}
