/** A client of the server inside its own program: asks for every file and looks at what comes. */
import { ReelError, type Runtime } from "ioreel";
import { HttpClient } from "./client.ts";
import type { Site } from "./site.ts";

/** Clients side by side, each with a connection of its own. */
const CLIENTS = 4;

/**
 * Asks for every file of the site, and again with its tag, and for something that is not there.
 * @returns how many files were as they should be
 * @throws {ReelError} ERR_EXPECTATION for the first that was not
 */
export async function visit(io: Runtime, port: number, site: Site): Promise<number> {
  const paths = [...site.files.keys()];
  const bodies = Array.from({ length: CLIENTS }, (_, first) => async () => {
    await using connection = await io.connect(port);
    const client = new HttpClient(connection, `127.0.0.1:${port}`);
    for (let i = first; i < paths.length; i += CLIENTS) await inspect(client, site, paths[i]!);
    expectStatus("/no such file", await client.get("/no%20such%20file"), 404);
    await connection.end();
  });
  await io.all(bodies);
  return paths.length;
}

async function inspect(client: HttpClient, site: Site, path: string): Promise<void> {
  const target = path.split("/").map(encodeURIComponent).join("/");
  const answer = await client.get(target);
  expectStatus(path, answer, 200);
  const file = site.files.get(path)!;
  if (Buffer.compare(answer.body, file.bytes) !== 0) {
    const found = `${answer.body.length} bytes that are others`;
    throw new ReelError("ERR_EXPECTATION", `${path} came as ${found} than the file's`);
  }
  const etag = answer.headers.get("etag") ?? "";
  expectStatus(path, await client.get(target, { "If-None-Match": etag }), 304);
}

function expectStatus(path: string, { status }: { status: number }, wanted: number): void {
  if (status === wanted) return;
  const message = `${path} was answered with ${status}, wanted ${wanted}`;
  throw new ReelError("ERR_EXPECTATION", message);
}
