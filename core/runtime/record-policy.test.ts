/** How sessions can be recorded: payloads as checksums, secrets written over, flights, durably. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { Runtime } from "../../index.ts";
import { openRecording } from "../session/recording.ts";
import { rewriteRecording } from "../session/rewrite.ts";
import { refusal, temporaryFolder } from "../session/session.fixture.ts";
import { whyUnavailable } from "../testing/harness.ts";
import type { RecordOptions } from "./options.ts";

const missing = await whyUnavailable("uring");
if (missing !== undefined) console.warn(`SKIPPED: policies on io_uring: ${missing}`);
const backends = missing === undefined ? (["emulated", "uring"] as const) : (["emulated"] as const);

const SECRET = "hunter2-0123456789";

/** A program that sends secrets through a pipe, and says what came out. */
async function program(io: Runtime, rounds = 20): Promise<string> {
  const { reader, writer } = await io.open("pipe");
  let text = "";
  for (let round = 0; round < rounds; round++) {
    await writer.write(`password=${SECRET} token ABC-${round}\n`);
    const got = new TextDecoder().decode(await reader.read(100));
    // What came in goes out again.
    await writer.write(got);
    text += new TextDecoder().decode(await reader.read(100));
    io.mark(`round ${round} with ${SECRET}`);
  }
  return text;
}

async function record(
  backend: "emulated" | "uring",
  options: RecordOptions,
  run: (io: Runtime) => Promise<unknown> = program,
): Promise<Runtime> {
  const io = await Runtime.start({ backend, seed: 3, record: options });
  try {
    await io.run(run);
  } finally {
    await io.close();
  }
  return io;
}

/** One test for each backend that there is. */
function onEach(title: string, body: (backend: "emulated" | "uring") => Promise<void>): void {
  for (const backend of backends) {
    test(`a recording on ${backend}: ${title}`, () => body(backend));
  }
}

onEach(`redact writes over secrets, and a replay agrees`, async (backend) => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const redact = [{ pattern: SECRET }, { pattern: /token \w+-\d+/ }];
  const { session } = await record(backend, { path, redact });
  expect(session!.failure).toBeUndefined();
  using recording = openRecording(path);
  for (const { event } of recording.events()) {
    const text = new TextDecoder().decode("bytes" in event ? event.bytes : undefined);
    expect(`${text} ${"text" in event ? event.text : ""}`).not.toContain(SECRET);
    expect(event.kind).not.toBe("state");
  }
  expect(readFileSync(path).includes(SECRET)).toBe(false);
  const { options } = recording.info as { options: { record: unknown } };
  const rules = ["literal", String.raw`/token \w+-\d+/`];
  expect(options.record).toEqual({ redact: { rules, check: expect.any(Number) as number } });
  const io = Runtime.replay(recording, { redact });
  const text = await io.run(program);
  await io.close();
  expect(io.session).toMatchObject({ identical: true, failure: undefined });
  // On io_uring what came in comes from the recording; elsewhere it happens again.
  expect(text.includes(SECRET)).toBe(backend === "emulated");
  expect(refusal(() => Runtime.replay(recording, { redact: redact.slice(1) }))).toMatchObject({
    code: "ERR_INCOMPATIBLE_RECORDING",
  });
});

onEach(`payload "digest" keeps no bytes that came in`, async (backend) => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  await record(backend, { path, payload: "digest" });
  using recording = openRecording(path);
  const events = [...recording.events()].map(({ event }) => event);
  for (const event of events) expect("bytes" in event ? event.bytes : undefined).toBeUndefined();
  if (backend === "emulated") {
    const io = Runtime.replay(recording);
    await io.run(program);
    await io.close();
    expect(io.session).toMatchObject({ identical: true });
    return;
  }
  expect(events.some((event) => event.kind === "complete" && event.missing)).toBe(true);
  expect(refusal(() => Runtime.replay(recording))).toMatchObject({ code: "ERR_UNSUPPORTED" });
});

onEach(`payload "none" keeps nothing of what came in or went out`, async (backend) => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  await record(backend, { path, payload: "none" });
  using recording = openRecording(path);
  const events = [...recording.events()].map(({ event }) => event);
  for (const event of events) expect("bytes" in event ? event.bytes : undefined).toBeUndefined();
  if (backend === "emulated") return;
  const moved = events.filter((event) => event.kind === "complete" && event.result > 0);
  expect(moved.length).toBeGreaterThan(1);
  for (const event of events) {
    if (event.kind === "complete") expect(event.missing).toBeUndefined();
    if (event.kind === "submit") expect(event.digest).toBeUndefined();
  }
  const error = refusal(() => Runtime.replay(recording));
  expect(error.message).toContain("it has nothing of what came in");
});

onEach(`mode "flight" keeps the end of a run that fails`, async (backend) => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const dumped = folder.path("dump.reel");
  const options = { path, mode: "flight", flightBytes: 1 << 20 } as const;
  const well = await record(backend, options);
  expect(well.session).toMatchObject({ path: undefined, failure: undefined });
  expect(existsSync(path)).toBe(false);
  const fails = record(backend, options, async (io) => {
    await program(io);
    for (let round = 0; round < 12_000; round++) io.mark(`padding ${round}${" .".repeat(50)}`);
    expect(io.dump(dumped)).toBeGreaterThan(1000);
    io.mark("the last words");
    throw new Error("on purpose");
  });
  expect(await fails.catch(String)).toContain("on purpose");
  expect(readdirSync(folder.path(".")).toSorted()).toEqual(["a.reel", "dump.reel"]);
  using recording = openRecording(path);
  using dump = openRecording(dumped);
  const texts = [...recording.events()].map(({ event }) => ("text" in event ? event.text : ""));
  expect(texts.slice(-4)).toContain("the last words");
  expect(texts.some((text) => text.startsWith("padding 0 "))).toBe(false);
  const [last] = [...dump.events()].slice(-1);
  expect(last!.event).toMatchObject({
    text: expect.stringContaining("padding 11999") as string,
  });
  expect(recording.info).toMatchObject({ state: "complete", outcome: "failed" });
  for (const each of [recording, dump]) {
    expect(refusal(() => Runtime.replay(each))).toMatchObject({ code: "ERR_UNSUPPORTED" });
  }
});

onEach(`durable and mode "digest" come to the digest of any recording`, async (backend) => {
  using folder = temporaryFolder();
  const digests = new Set<string>();
  const all = [{}, { durable: true }, { mode: "digest" }, { payload: "full" }] as const;
  for (const [index, policy] of all.entries()) {
    const path = folder.path(`${index}.reel`);
    const { session } = await record(backend, { path, ...policy });
    expect(session!.failure).toBeUndefined();
    using recording = openRecording(path);
    expect(recording.digest).toBe(session!.digest);
    digests.add(session!.digest);
  }
  // Times are the real ones on io_uring.
  if (backend === "emulated") expect(digests.size).toBe(1);
});

test("record refuses policies that are none, naming the option", async () => {
  using folder = temporaryFolder();
  const path = folder.path("a.reel");
  const wrong: [object, string][] = [
    [{ mode: "blok" }, '"block", "digest" or "flight"'],
    [{ payload: "nothing" }, '"auto", "full", "digest" or "none"'],
    [{ durable: 1 }, "durable must be true or false"],
    [{ mode: "digest", payload: "full" }, 'payload is "full"'],
    [{ mode: "flight", durable: true }, "stores nothing while it runs"],
    [{ flightBytes: 1 << 20 }, 'flightBytes is of mode "flight"'],
    [{ mode: "flight", flightBytes: 100 }, "from 1 MiB to 1 GiB"],
    [{ redact: [{ pattern: "" }] }, "rule 1: pattern"],
    [{ redact: [{ pattern: "a", with: "ab" }] }, "rule 1: with"],
    [{ redact: [{ pattern: "a", with: "x" }, { pattern: "b" }] }, "rule 2: with"],
    [{ durabel: true }, 'no option "durabel"'],
  ];
  for (const [policy, message] of wrong) {
    const start = Runtime.start({
      backend: "emulated",
      record: { path, ...policy } as RecordOptions,
    });
    expect(await start.then(String, String)).toContain(message);
  }
  expect(existsSync(path)).toBe(false);
});

test.skipIf(missing !== undefined)(
  "a replay ends with ERR_UNSUPPORTED at the payload that was left out for want of room",
  async () => {
    using folder = temporaryFolder();
    const whole = folder.path("whole.reel");
    await record("uring", { path: whole, mode: "digest" });
    const partly = folder.path("partly.reel");
    let left = -1;
    rewriteRecording(whole, partly, (event, sequence) => {
      if (event.kind !== "complete" || event.bytes === undefined || sequence < 30) return event;
      left = left < 0 ? sequence : left;
      const { length } = event.bytes;
      return {
        ...event,
        bytes: undefined,
        missing: { length, digest: Bun.hash.crc32(event.bytes) },
      };
    });
    using recording = openRecording(partly);
    const io = Runtime.replay(recording);
    const failure = await io.run(program).catch((error: unknown) => error);
    await io.close();
    expect(failure).toMatchObject({ code: "ERR_UNSUPPORTED", details: { sequence: left } });
    expect(io.session).toMatchObject({ identical: false });
  },
);
