/**
 * A client that fetches pages from a web server, one after the other on one connection for as long
 * as the server keeps it, and says of each how it came and what its checksum is.
 *
 *     bun examples/fetch.ts http://127.0.0.1:8080/ http://127.0.0.1:8080/large.bin --twice
 *
 * Without an address it fetches from a small server of its own, on a thread of the machine that it
 * knows nothing about: the one that Bun brings.
 *
 * Run: bun examples/fetch.ts
 * Expect: 200 /length 100000 bytes
 * Expect: 200 /chunks 300000 bytes
 * Expect: 404 /nothing
 * Expect: 3 answers on 1 connection
 * Needs: io_uring
 */
import { parseArgs } from "node:util";
import { Runtime, seconds, type Connection } from "ioreel";
import { HttpClient } from "./http/client.ts";

const HTTP_PORT = 80;
const SHOWN_DIGITS = 16;

interface Kept {
  readonly client: HttpClient;
  readonly connection: Connection;
}

/** Fetches all addresses, and reuses connections. */
async function fetchAll(io: Runtime, addresses: readonly string[]): Promise<void> {
  const connections = new Map<string, Kept>();
  let connects = 0;
  for (const address of addresses) {
    const { host, hostname, pathname, port, protocol, search } = new URL(address);
    if (protocol !== "http:") throw new Error(`Cannot fetch ${address}: only http: is spoken here`);
    let kept = connections.get(host);
    if (kept === undefined) {
      connects++;
      const connection = await io.connect({
        host: hostname,
        port: port === "" ? HTTP_PORT : Number(port),
        connectTimeoutNs: seconds(5),
        readTimeoutNs: seconds(10),
      });
      kept = { connection, client: new HttpClient(connection, host) };
      connections.set(host, kept);
    }
    const { body, keepAlive, status } = await kept.client.get(pathname + search);
    const digest = new Bun.CryptoHasher("sha256").update(body).digest("hex");
    const short = digest.slice(0, SHOWN_DIGITS);
    console.log(`${status} ${pathname} ${body.length} bytes, sha256 ${short}`);
    if (keepAlive) continue;
    connections.delete(host);
    await kept.connection.close();
  }
  for (const { connection } of connections.values()) await connection.close();
  const plural = connects === 1 ? "connection" : "connections";
  console.log(`${addresses.length} answers on ${connects} ${plural}`);
}

/** Bun's own server, for those who name none: one page with a length, one in chunks. */
function ownServer(): { addresses: string[]; stop(): void } {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: {
      "/length": new Response("x".repeat(100_000)),
      "/chunks": () => {
        let left = 30;
        const pull = (controller: ReadableStreamDefaultController): void => {
          controller.enqueue(Buffer.alloc(10_000, "y"));
          if (--left === 0) controller.close();
        };
        return new Response(new ReadableStream({ pull }));
      },
    },
    fetch: () => new Response("nothing is here", { status: 404 }),
  });
  const addresses = ["/length", "/chunks", "/nothing"].map((path) => `${server.url.origin}${path}`);
  return { addresses, stop: () => void server.stop(true) };
}

const { positionals } = parseArgs({ allowPositionals: true });
const own = positionals.length === 0 ? ownServer() : undefined;
try {
  await using io = await Runtime.start({ backend: "uring" });
  await io.run(() => fetchAll(io, own?.addresses ?? positionals));
} finally {
  own?.stop();
}
