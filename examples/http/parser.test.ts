/**
 * Tests of the request parser: it agrees with itself however its bytes are cut, takes what is
 * sound, and names what is not, whoever sends it.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  HEADERS_MAX,
  HEAD_BYTES_MAX,
  REQUEST_LINE_BYTES_MAX,
  RequestParser,
  type Refusal,
  type Request,
} from "./parser.ts";

type Found = Request | Refusal;

/** Feeds pieces one after the other. */
function parse(...pieces: readonly (string | Uint8Array)[]): Found[] {
  const parser = new RequestParser();
  const found: Found[] = [];
  for (const piece of pieces) {
    parser.feed(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece);
    for (let next = parser.next(); next !== undefined; next = parser.next()) found.push(next);
  }
  return found;
}

const statusOf = (text: string): number | undefined => {
  const last = parse(text).at(-1);
  return last !== undefined && "status" in last ? last.status : undefined;
};

const HOST = "Host: a\r\n";

test("RequestParser reads pipelined requests and past their content, however they are cut", () => {
  const text =
    `GET /a?b=c HTTP/1.1\r\n${HOST}X-Two: 1\r\nx-two:\t2 \r\n\r\n` +
    `POST / HTTP/1.1\r\n${HOST}Content-Length: 20\r\n\r\nGET /not HTTP/1.1\r\n\n` +
    `\r\nHEAD http://a/b HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n` +
    `GET /last HTTP/1.1\r\n${HOST}Connection: upgrade, close\r\n\r\n`;
  const whole = parse(text);
  expect(whole).toEqual([
    {
      method: "GET",
      target: "/a?b=c",
      headers: new Map([
        ["host", "a"],
        ["x-two", "1, 2"],
      ]),
      minor: 1,
      keepAlive: true,
    },
    expect.objectContaining({ method: "POST", target: "/", keepAlive: true }),
    expect.objectContaining({ method: "HEAD", target: "http://a/b", minor: 0, keepAlive: true }),
    expect.objectContaining({ method: "GET", target: "/last", keepAlive: false }),
  ]);
  expect(parse(...text)).toEqual(whole);
});

test("RequestParser refuses by name what is too long, malformed or doubtful", () => {
  const long = "x".repeat(9000);
  expect(
    Object.fromEntries(
      [
        `GET /${long} HTTP/1.1\r\n${HOST}\r\n`,
        `GET /${long}`,
        `GET / HTTP/1.1\r\nA: ${long}\r\nB: ${long}\r\n\r\n`,
        `GET / HTTP/1.1\r\nA: ${long}\r\nB: ${long}`,
        `GET / HTTP/1.1\r\n${"a: b\r\n".repeat(HEADERS_MAX + 1)}\r\n`,
        `GET / HTTP/2.0\r\n${HOST}\r\n`,
        `GET / HTTP/1.1\r\n\r\n`,
        `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`,
        `GET / HTTP/1.1\r\n${HOST}A : b\r\n\r\n`,
        `GET / HTTP/1.1\r\n${HOST} folded\r\n\r\n`,
        `GET / HTTP/1.1\r\n${HOST}A: b\0c\r\n\r\n`,
        `GET / HTTP/1.1\n${HOST}\r\n\r\n`,
        `GET  / HTTP/1.1\r\n${HOST}\r\n`,
        `\x16\x03\x01\x02 TLS\r\n\r\n`,
        `GET / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`,
        `GET / HTTP/1.1\r\n${HOST}Transfer-Encoding: x\r\nContent-Length: 1\r\n\r\n`,
        `GET / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`,
        `GET / HTTP/1.1\r\n${HOST}Content-Length: -1\r\n\r\n`,
        `GET / HTTP/1.1\r\n${HOST}Content-Length: 9999999\r\n\r\n`,
      ].map((text) => [
        text.replaceAll(long, "long").replace(`GET / HTTP/1.1\r\n${HOST}`, "").slice(0, 45),
        statusOf(text),
      ]),
    ),
  ).toMatchInlineSnapshot(`
    {
      "\\u0016\\u0003\\u0001\\u0002 TLS\\r\\n\\r\\n": 400,
      " folded\\r\\n\\r\\n": 400,
      "A : b\\r\\n\\r\\n": 400,
      "A: b\\u0000c\\r\\n\\r\\n": 400,
      "Content-Length: -1\\r\\n\\r\\n": 400,
      "Content-Length: 1\\r\\nContent-Length: 2\\r\\n\\r\\n": 400,
      "Content-Length: 9999999\\r\\n\\r\\n": 413,
      "GET  / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n": 400,
      "GET / HTTP/1.1\\nHost: a\\r\\n\\r\\n\\r\\n": 400,
      "GET / HTTP/1.1\\r\\n\\r\\n": 400,
      "GET / HTTP/1.1\\r\\nA: long\\r\\nB: long": 431,
      "GET / HTTP/1.1\\r\\nA: long\\r\\nB: long\\r\\n\\r\\n": 431,
      "GET / HTTP/1.1\\r\\na: b\\r\\na: b\\r\\na: b\\r\\na: b\\r\\na: b\\r": 431,
      "GET / HTTP/2.0\\r\\nHost: a\\r\\n\\r\\n": 505,
      "GET /long": 414,
      "GET /long HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n": 414,
      "Host: a\\r\\n\\r\\n": 400,
      "Transfer-Encoding: chunked\\r\\n\\r\\n": 411,
      "Transfer-Encoding: x\\r\\nContent-Length: 1\\r\\n\\r\\n": 400,
    }
  `);
});

test("RequestParser never throws, and gives the same for any cut of any bytes", () => {
  const words = ["GET ", "/", " HTTP/1.1", "\r\n", "\r\n\r\n", "Host: a", "Content-Length: 3", ":"];
  const piece = fc.oneof(
    fc.constantFrom(...words).map((word) => Buffer.from(word)),
    fc.uint8Array({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(40)), (pieces, cuts) => {
      const bytes = Buffer.concat(pieces);
      const parts: Uint8Array[] = [];
      let at = 0;
      for (const cut of cuts) parts.push(bytes.subarray(at, (at += cut)));
      expect(parse(...parts, bytes.subarray(at))).toEqual(parse(bytes));
    }),
  );
});

test("RequestParser takes heads of the largest sizes in whatever pieces they come", () => {
  const line = `GET /${"x".repeat(REQUEST_LINE_BYTES_MAX - 14)} HTTP/1.1\r\n`;
  const rest = `${HOST}A: `;
  const head = `${line}${rest}${"y".repeat(HEAD_BYTES_MAX - line.length - rest.length)}\r\n\r\n`;
  expect(head.length).toBe(HEAD_BYTES_MAX + 4);
  for (const cut of [1, 2, 3, 4]) {
    expect(parse(head.slice(0, -cut), head.slice(-cut))).toMatchObject([{ method: "GET" }]);
    const at = line.length - cut;
    expect(parse(head.slice(0, at), head.slice(at))).toMatchObject([{ method: "GET" }]);
  }
  expect(statusOf(head.replace("y", "yy"))).toBe(431);
  expect(statusOf(head.replace("x", "xx"))).toBe(414);
});

test("RequestParser holds no more than one head when a peer sends nothing but headers", () => {
  const parser = new RequestParser();
  const line = Buffer.from("GET / HTTP/1.1\r\n");
  parser.feed(line);
  let refused: Found | undefined;
  let sent = line.length;
  while (refused === undefined && sent < 4 * HEAD_BYTES_MAX) {
    parser.feed(Buffer.from("a: b\r\n"));
    sent += 6;
    refused = parser.next();
  }
  expect(refused).toMatchObject({ status: 431 });
  expect(sent).toBeLessThan(HEAD_BYTES_MAX + 100);
});
