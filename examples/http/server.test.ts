/**
 * Tests of the file server with real clients: curl, wrk, and raw sockets that misbehave. The server
 * is a process of its own on io_uring.
 */
import { expect } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Server, exchange, program, run, temporaryFolder, testWith } from "../peers.fixture.ts";

const folder = temporaryFolder();
const LARGE = Buffer.alloc(1_000_000, "0123456789abcdef\n");

function makeRoot(name: string): string {
  const root = join(folder, name);
  mkdirSync(join(root, "sub/deep"), { recursive: true });
  writeFileSync(join(root, "hello.txt"), "Hello, world\n");
  writeFileSync(join(root, "sub/a file.css"), "p { color: red }\n");
  writeFileSync(join(root, "sub/index.html"), "<p>index\n");
  writeFileSync(join(root, "large.bin"), LARGE);
  writeFileSync(join(root, ".hidden"), "secret");
  writeFileSync(join(folder, "outside.txt"), "secret");
  symlinkSync(join(folder, "outside.txt"), join(root, "escape.txt"));
  symlinkSync("hello.txt", join(root, "link.txt"));
  symlinkSync("..", join(root, "sub/up"));
  return root;
}

const serve = (root: string, ...words: string[]): Promise<Server> =>
  Server.start(
    program("examples/http/server.ts", "--root", root, "--backend", "uring", ...words),
    /listening on http:\/\/127\.0\.0\.1:(\d+)/,
  );

testWith(["curl"], "the http example answers curl as it asks", async () => {
  await using server = await serve(makeRoot("curl"));
  const base = `http://127.0.0.1:${server.ready[1]}`;
  const curl = async (path: string, ...words: string[]): Promise<string> => {
    const all = [
      "curl",
      "-s",
      "-i",
      "--path-as-is",
      "--max-time",
      "10",
      ...words,
      `${base}${path}`,
    ];
    return (await run(all)).out.replaceAll("\r", "");
  };
  const status = async (path: string, ...words: string[]): Promise<string> =>
    (await curl(path, ...words)).split("\n", 1)[0]!;

  const hello = await curl("/hello.txt");
  expect(hello).toStartWith("HTTP/1.1 200 OK\nContent-Length: 13\nContent-Type: text/plain");
  expect(hello).toEndWith("\n\nHello, world\n");
  const etag = /^ETag: (.*)$/m.exec(hello)![1]!;
  const modified = /^Last-Modified: (.*)$/m.exec(hello)![1]!;
  expect(await status("/hello.txt", "-H", `If-None-Match: W/"x", ${etag}`)).toContain("304");
  expect(await status("/hello.txt", "-H", `If-Modified-Since: ${modified}`)).toContain("304");
  expect(await curl("/hello.txt", "-I")).toEndWith("\n\n");
  expect(await curl("/hello.txt", "-r", "7-")).toEndWith("bytes 7-12/13\n\nworld\n");
  expect(await curl("/hello.txt", "-r", "-6")).toContain("206 Partial Content");
  expect(await curl("/hello.txt", "-r", "99-")).toContain("Content-Range: bytes */13");
  expect(await curl("/sub/a%20file.css")).toContain("Content-Type: text/css");
  expect(await curl("/sub")).toContain("301 Moved Permanently\n");
  expect(await curl("/sub", "-L")).toEndWith("<p>index\n");
  expect(await curl("/?query")).toContain('<a href="./large.bin">');
  expect(await curl("/link.txt")).toEndWith("Hello, world\n");
  expect(await status("/hello.txt", "-0")).toContain("200");
  const misses = ["/nothing", "/escape.txt", "/.hidden", "/sub/up/hello.txt", "//hello.txt"];
  for (const path of misses)
    expect([path, await status(path)]).toEqual([path, "HTTP/1.1 404 Not Found"]);
  for (const path of ["/../outside.txt", "/sub/%2e%2e/hello.txt", "/a%00b", "/%ff", "/%zz"]) {
    expect([path, await status(path)]).toEqual([path, "HTTP/1.1 400 Bad Request"]);
  }
  expect(await status("/hello.txt", "-d", "some=content")).toContain("405");
  const chunked = ["-H", "Transfer-Encoding: chunked", "-d", "x"];
  expect(await status("/hello.txt", ...chunked)).toContain("411");
  const sums = await run(["curl", "-s", `${base}/large.bin`, `${base}/large.bin`]);
  expect(sums.out).toBe(LARGE.toString().repeat(2));
});

testWith([], "the http example keeps answering whatever peers send, and in order", async () => {
  await using server = await serve(makeRoot("raw"));
  const port = Number(server.ready[1]);
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const statuses = (text: string): string[] =>
    [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => match[1]!);
  const many = get("/hello.txt") + get("/nothing") + get("/sub/") + get("/large.bin");
  const answers = await exchange(port, [many]);
  expect(statuses(answers)).toEqual(["200", "404", "200", "200"]);
  expect(answers.length).toBeGreaterThan(LARGE.length);
  expect(statuses(await exchange(port, [...get("/hello.txt")]))).toEqual(["200"]);
  const close = "GET / HTTP/1.0\r\n\r\n";
  expect(await exchange(port, [close + get("/")], { halfClose: false })).toContain("close\r\n");
  const wrong: [string, string][] = [
    [`GET /${"x".repeat(9000)}`, "414"],
    [`GET / HTTP/1.1\r\n${"a: b\r\n".repeat(5000)}`, "431"],
    [`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n${"x".repeat(300_000)}`, "413"],
    ["\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "400"],
    ["GET / HTTP/3.0\r\n\r\n", "505"],
  ];
  for (const [text, wanted] of wrong) {
    const answer = await exchange(port, [text], { halfClose: false });
    expect(statuses(answer)).toEqual([wanted]);
  }
  expect(await exchange(port, [])).toBe("");
  expect(await exchange(port, ["GET /"])).toBe("");
  expect(statuses(await exchange(port, [get("/hello.txt")]))).toEqual(["200"]);
  const { code, out } = await server.stop();
  expect([code, out]).toEqual([0, expect.stringContaining("stopped")]);
});

testWith(["wrk"], "the http example holds wrk with 256 connections without an error", async () => {
  await using server = await serve(makeRoot("wrk"));
  const words = ["wrk", "-t2", "-c256", "-d1s", `http://127.0.0.1:${server.ready[1]}/hello.txt`];
  const { code, out } = await run(words);
  expect(code).toBe(0);
  expect(Number(/(\d+) requests in/.exec(out)![1])).toBeGreaterThan(0);
  expect(out).not.toMatch(/Socket errors|Non-2xx/);
});

testWith(["curl"], "the http example replays a recorded session with no network", async () => {
  const root = makeRoot("replay");
  const file = join(folder, "http.reel");
  await using server = await serve(root, "--record", file);
  const base = `http://127.0.0.1:${server.ready[1]}`;
  await run(["curl", "-s", `${base}/hello.txt`, `${base}/large.bin`, "-o", "/dev/null"]);
  const parallel = Array.from({ length: 5 }, () => run(["curl", "-s", `${base}/sub/`]));
  await Promise.all(parallel);
  const stopped = await server.stop();
  expect([stopped.code, stopped.out]).toEqual([0, expect.stringContaining("answered 7 × 200")]);
  // Neither the files nor any network are there any more.
  rmSync(root, { recursive: true });
  const alone = (await run(["unshare", "-rn", "true"])).code === 0 ? ["unshare", "-rn"] : [];
  if (alone.length === 0) console.warn("NOT ALONE: there is no network namespace to be had here");
  const words = program("examples/http/server.ts", "--replay", file);
  const { code, err, out } = await run([...alone, ...words]);
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("answered 7 × 200");
  expect(out).toContain("replay: identical");
});
