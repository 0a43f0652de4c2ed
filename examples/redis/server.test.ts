/**
 * Tests of the Redis example with real clients: redis-cli is told the same by it as by a real
 * redis-server, redis-benchmark completes, peers that break the protocol hurt nobody else, and a
 * recorded session happens again without a network.
 */
import { expect } from "bun:test";
import { join } from "node:path";
import {
  Server,
  exchange,
  freePort,
  program,
  run,
  temporaryFolder,
  testWith,
} from "../peers.fixture.ts";

const folder = temporaryFolder();

const serve = (...words: string[]): Promise<Server> =>
  Server.start(
    program("examples/redis/server.ts", "--backend", "uring", ...words),
    /ready to accept connections on 127\.0\.0\.1:(\d+)/,
  );

/** What people say, and what has to be answered as the real one does: also when they are wrong. */
const CONVERSATION = `
PING
ECHO "a \\x41\\n"
SET text hello
GET text
get text
GET nothing
SET text again NX
SET text again XX
SET nothing x XX GET
SET text third GET
SET text x EX 0
SET text x EX a
SET text x EX
SET text x NX XX
SET
APPEND text " and more"
STRLEN text
INCR text
INCR number
INCRBY number 41
DECR number
DECRBY number -9223372036854775807
INCR number
INCRBY number 99999999999999999999
MSET a 1 b 2 "c d" 3
MSET a
MSET a 1 b
MGET a b nothing "c d"
DEL a b nothing
EXISTS "c d" "c d" nothing
EXPIRE nothing 10
EXPIRE "c d" 100
TTL "c d"
PERSIST "c d"
PERSIST "c d"
TTL "c d"
PTTL nothing
EXPIRE "c d" -1
GET "c d"
PEXPIRE text a
RPUSH list 1 2 3
LPUSH list 0 -1
LRANGE list 0 -1
LRANGE list -2 99
LRANGE list 5 1
LRANGE list a b
LLEN list
LLEN nothing
LPOP list
RPOP list 2
LPOP list 0
LPOP list -1
LPOP nothing
LPOP nothing 2
LPOP list 1 2
INCR list
GET list
LPUSH text x
HSET hash f 1 g 2
HSET hash f 3 h
HSET hash f 3 h 4
HGET hash f
HGET hash x
HGET text f
HGETALL hash
HLEN hash
HDEL hash f x
HDEL hash g h
EXISTS hash
TYPE list
TYPE text
TYPE nothing
KEYS te*
KEYS [^x]ext
SCAN 0 MATCH l*t COUNT 100
SCAN x
SCAN 0 COUNT 0
DBSIZE
SELECT 0
SELECT a
CONFIG GET save
CONFIG GET appendonly
CONFIG NOTHING
nothing at all "with quotes"
FLUSHALL
DBSIZE
`;

/** Replies to the conversation, each behind its command. */
async function replies(port: number): Promise<string> {
  const { code, err, out } = await run(["redis-cli", "-p", String(port)], CONVERSATION);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

testWith(["redis-cli", "redis-server"], "the redis example answers as redis does", async () => {
  const port = freePort();
  const words = ["redis-server", "--port", String(port), "--save", "", "--dir", folder];
  await using real = await Server.start(words, /Ready to accept connections/);
  await using server = await serve();
  const [wanted, found] = await Promise.all([replies(port), replies(Number(server.ready[1]))]);
  expect(found.split("\n")).toEqual(wanted.split("\n"));
  expect(found.split("\n").length).toBeGreaterThan(CONVERSATION.split("\n").length);
  expect(real.ready[0]).toContain("Ready");
});

testWith(["redis-benchmark"], "the redis example completes redis-benchmark", async () => {
  await using server = await serve();
  const port = server.ready[1]!;
  const asked = ["-t", "ping,set,get,incr,lpush,lpop,mset", "-n", "10000", "-c", "50", "--csv"];
  for (const pipelined of ["1", "16"]) {
    const { code, out } = await run(["redis-benchmark", "-p", port, "-P", pipelined, ...asked]);
    expect(code).toBe(0);
    const lines = out.trim().split("\n");
    expect(lines).toHaveLength(9);
    for (const line of lines.slice(1)) expect(Number(line.split('","')[1])).toBeGreaterThan(0);
  }
});

testWith([], "the redis example ends who breaks the protocol, and nobody else", async () => {
  await using server = await serve("--memory-mib", "1");
  const port = Number(server.ready[1]);
  const ask = (...pieces: string[]): Promise<string> =>
    exchange(port, pieces, { halfClose: false });
  expect(await ask("PING\r\n*1\r\n:1\r\n")).toBe(
    "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n",
  );
  expect(await ask(`*1\r\n$${1 << 30}\r\n`)).toBe("-ERR Protocol error: invalid bulk length\r\n");
  expect(await ask("GET / HTTP/1.1\r\n\r\nQUIT\r\n")).toContain("wrong number of arguments");
  expect(await ask(..."*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\nquit\r\nPING\r\n")).toBe(
    "$3\r\na\r\n\r\n+OK\r\n",
  );
  const large = "x".repeat(700_000);
  const set = (key: string): string => `*3\r\n$3\r\nSET\r\n$1\r\n${key}\r\n$700000\r\n${large}\r\n`;
  const full = await ask(set("a"), set("b"), set("c"), "DEL b\r\n", set("c"), "QUIT\r\n");
  expect(full.split("\r\n").slice(0, 5)).toEqual([
    "+OK",
    "+OK",
    "-OOM command not allowed when used memory > 'maxmemory'.",
    ":1",
    "+OK",
  ]);
  expect(await exchange(port, ["*2\r\n$4\r\nECHO\r\n$100\r\nabc"])).toBe("");
});

testWith(["redis-benchmark"], "the redis example replays its session with no network", async () => {
  const file = join(folder, "redis.reel");
  await using server = await serve("--record", file);
  const asked = ["-p", server.ready[1]!, "-t", "set,lpush,incr", "-n", "500", "-c", "10", "-q"];
  expect((await run(["redis-benchmark", ...asked])).code).toBe(0);
  const stopped = await server.stop();
  const summary = /\d+ commands on \d+ connections left 3 keys/.exec(stopped.out)?.[0];
  expect([stopped.code, summary]).toEqual([0, expect.any(String)]);
  const { code, err, out } = await run(program("examples/redis/server.ts", "--replay", file));
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain(summary!);
  expect(out).toContain("replay: identical");
});
