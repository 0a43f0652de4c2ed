/**
 * A server and its clients in one program: each client sends some bytes, says that it has no more
 * (half-close), and reads to the end what the server sends back. The same program runs on the
 * kernel's sockets and on the emulated network.
 *
 * Run: bun examples/echo-server.ts --backend emulated
 * Expect: 5 clients got back what they sent, 1280 KiB
 * Run: bun examples/echo-server.ts --backend uring
 * Expect: 5 clients got back what they sent, 1280 KiB
 * Needs: io_uring
 */
import { parseArgs } from "node:util";
import { Runtime, type Connection } from "ioreel";

const CLIENTS = 5;
const CLIENT_BYTES = 256 << 10;
const PIECE_BYTES = 10_000;

const { values } = parseArgs({ options: { backend: { type: "string", default: "auto" } } });

/** What comes in goes out again, until the peer has no more. */
async function echo(connection: Connection): Promise<void> {
  await using _closed = connection;
  for await (const chunk of connection) await connection.write(chunk);
  await connection.end();
}

async function client(io: Runtime, port: number): Promise<boolean> {
  await using connection = await io.connect(port);
  const bytes = new Uint8Array(CLIENT_BYTES);
  io.random.fill(bytes);
  const sending = io.spawn(async () => {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      await connection.write(bytes.subarray(at, at + PIECE_BYTES));
    }
    await connection.end();
  });
  const received = new Bun.CryptoHasher("sha256");
  for await (const chunk of connection) received.update(chunk);
  await sending.join();
  const sent = new Bun.CryptoHasher("sha256").update(bytes);
  return received.digest("hex") === sent.digest("hex");
}

await using io = await Runtime.start({ backend: values.backend as "auto" | "uring" | "emulated" });
await io.run(async () => {
  await using listener = await io.listen();
  const accepting = io.spawn(async () => {
    for await (const connection of listener) io.spawn(() => echo(connection));
  });
  const clients = Array.from({ length: CLIENTS }, () => () => client(io, listener.port));
  const agreed = (await io.all(clients)).filter(Boolean).length;
  const sizeKib = (agreed * CLIENT_BYTES) >> 10;
  console.log(`${agreed} clients got back what they sent, ${sizeKib} KiB, on ${io.backend}`);
  await accepting.cancel();
});
