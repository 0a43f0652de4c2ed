/**
 * Tests of the client with a real nginx: contents with a length and in chunks, connections that are
 * kept and some that are not, and servers that do not answer as they should.
 */
import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Server, freePort, program, run, temporaryFolder, testWith } from "./peers.fixture.ts";

const folder = temporaryFolder();

const digest = (bytes: Uint8Array): string => {
  const hex = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  return `${bytes.length} bytes, sha256 ${hex.slice(0, 16)}`;
};

/** A configuration for nginx that needs nothing outside of the folder. */
const configuration = (port: number): string => `
${process.getuid?.() === 0 ? "user root;" : ""}
daemon off;
# One process alone: there is nobody left when it is ended.
master_process off;
pid ${folder}/nginx.pid;
error_log stderr info;
events { worker_connections 64; }
http {
  access_log off;
  types { text/html html; application/octet-stream bin; }
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port};
    root ${folder}/www;
    # What is looked through for directives has no length before, and comes in chunks.
    location /chunks/ { ssi on; }
    location /last/ { keepalive_timeout 0; }
  }
}
`;

testWith(["nginx"], "the fetch example gets from nginx what it serves", async () => {
  const large = new Uint8Array(3_000_000).map((_, at) => (at * 31 + (at >> 8)) & 0xff);
  const page = Buffer.from("<p>line of text</p>\n".repeat(20_000));
  for (const name of ["chunks", "last"]) mkdirSync(join(folder, "www", name), { recursive: true });
  writeFileSync(join(folder, "www/large.bin"), large);
  writeFileSync(join(folder, "www/chunks/page.html"), page);
  writeFileSync(join(folder, "www/last/page.html"), page);
  const port = freePort();
  const file = join(folder, "nginx.conf");
  writeFileSync(file, configuration(port));
  // nginx says on its standard error when it has begun; both are one here.
  const words = ["sh", "-c", 'exec nginx -c "$1" -p "$2" -e stderr 2>&1', "sh", file, folder];
  await using nginx = await Server.start(words, /using the "epoll" event method/);
  const base = `http://127.0.0.1:${port}`;
  const paths = ["/large.bin", "/chunks/page.html", "/nothing", "/last/page.html", "/large.bin"];
  const fetched = await run(program("examples/fetch.ts", ...paths.map((path) => base + path)));
  expect([fetched.code, fetched.err]).toEqual([0, ""]);
  const lines = fetched.out.trim().split("\n");
  expect(lines[0]).toBe(`200 /large.bin ${digest(large)}`);
  expect(lines[1]).toBe(`200 /chunks/page.html ${digest(page)}`);
  expect(lines[2]).toStartWith("404 /nothing ");
  expect(lines[3]).toBe(`200 /last/page.html ${digest(page)}`);
  expect(lines[4]).toBe(lines[0]);
  expect(lines[5]).toBe("5 answers on 2 connections");
  expect(nginx.ready[0]).toContain("epoll");
});

testWith([], "the fetch example says of what server it got no answer", async () => {
  const refused = await run(program("examples/fetch.ts", `http://127.0.0.1:${freePort()}/`));
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("ECONNREFUSED")]);
  using liar = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab") },
  });
  const lied = await run(program("examples/fetch.ts", `http://127.0.0.1:${liar.port}/`));
  expect([lied.code, lied.err]).toEqual([1, expect.stringContaining("3 bytes are missing")]);
});
