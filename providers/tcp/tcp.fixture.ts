/** Connections for tests: a client and its server in one runtime, and what came out of a stream. */
import type { BothRuntime } from "../both.fixture.ts";

export type TcpRuntime = BothRuntime;
export type TestListener = Awaited<ReturnType<TcpRuntime["listen"]>>;
export type TestConnection = Awaited<ReturnType<TcpRuntime["connect"]>>;

export interface Pair {
  readonly listener: TestListener;
  readonly client: TestConnection;
  readonly server: TestConnection;
}

/** A client that is connected to a server. */
export async function pair(
  io: TcpRuntime,
  listen: object = {},
  connect: object = {},
): Promise<Pair> {
  const listener = await io.listen(listen);
  const client = await io.connect({ port: listener.port, ...connect });
  return { listener, client, server: await listener.accept() };
}

/** All bytes to the end of the stream. */
export async function drain(connection: TestConnection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of connection) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Bytes that tell where they are. */
export function counted(sizeBytes: number, salt = 0): Uint8Array {
  const bytes = new Uint8Array(new ArrayBuffer(sizeBytes));
  for (let at = 0; at < sizeBytes; at++) bytes[at] = (at * 31 + (at >> 8) + salt) & 0xff;
  return bytes;
}

export const sha = (bytes: Uint8Array): string => Bun.SHA256.hash(bytes, "hex");

/** What a promise was rejected with: its code, or its name. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "resolved",
    (error: { code?: string; name: string }) => error.code ?? error.name,
  );
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
