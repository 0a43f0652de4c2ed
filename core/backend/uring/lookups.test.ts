/**
 * Look-ups: through the host's resolver for names that every host knows, and through a resolver
 * that answers when the test says.
 */
import { expect } from "bun:test";

import { seconds } from "../../clock.ts";
import { ERRNO, REEL_ERROR_NUMBERS } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { hostResolver } from "./resolver.ts";
import type { Answer, Resolver } from "./resolver.ts";
import {
  RecordingSink,
  loopTest,
  memoryTest,
  openBlocking,
  openLooping,
  pinned,
  pollOut,
  ringTest,
  woken,
  writeNow,
} from "./ring.fixture.ts";
import type { UringBackend } from "./uring-backend.ts";

const NOT_FOUND = -REEL_ERROR_NUMBERS.ENOTFOUND;
const TRY_AGAIN = -REEL_ERROR_NUMBERS.EAI_AGAIN;
const ROOM = 256;
const POISON = 0xdb;

/** Answers when the test says. */
class ScriptedResolver implements Resolver {
  readonly asked: string[] = [];
  readonly answers: ((answer: Answer) => void)[] = [];
  answerNow: Answer = NOT_FOUND;

  later(name: string, family: number): Promise<Answer> {
    this.asked.push(`later ${name} ${family}`);
    return new Promise((resolve) => this.answers.push(resolve));
  }

  now(name: string, family: number): Answer {
    this.asked.push(`now ${name} ${family}`);
    return this.answerNow;
  }
}

/** Prepares a look-up over memory of its own. */
function lookUp(
  backend: UringBackend,
  slot: number,
  name: string,
  family = 0,
  room = ROOM,
): { bytes: Uint8Array; text: (length: number) => string } {
  const { bytes, address } = pinned(backend, ROOM);
  bytes.fill(POISON);
  const { written } = new TextEncoder().encodeInto(name, bytes);
  backend.ring.prepare(OPCODE.LOOKUP, slot, 1, -1, address, written, family, room);
  return {
    bytes,
    text: (length) => new TextDecoder().decode(new Uint8Array(bytes.subarray(0, length))),
  };
}

/** Lets what was asked for begin, and its promises run. */
async function settle(backend: UringBackend, sink: RecordingSink): Promise<void> {
  backend.ring.flush();
  expect(backend.poll(sink, false)).toBe(0);
  await Bun.sleep(0);
}

memoryTest("LOOKUP finds this host by the name that every host has", async (memory) => {
  const texts: string[] = [];
  for (const blocking of [true, false]) {
    const backend = await openLooping({ memory });
    const sink = new RecordingSink();
    const { text } = lookUp(backend, 1, "localhost", 4);
    expect(backend.pending()).toBe(true);
    if (blocking) pollOut(backend, sink);
    while (backend.pending()) {
      await woken(backend);
      backend.poll(sink, false);
    }
    expect(sink.results).toHaveLength(1);
    texts.push(text(sink.results[0]!.result));
  }
  expect(texts).toEqual(["127.0.0.1", "127.0.0.1"]);
});

ringTest("both ways of asking the host's resolver give the same answers", async () => {
  for (const [name, family] of [
    ["localhost", 0],
    ["localhost", 4],
    ["::1", 6],
    ["2001:db8::a:1", 0],
    ["10.1.2.3", 4],
    ["", 0],
    ["localhost\0.example", 0],
    ["no such host", 0],
  ] as const) {
    const now = hostResolver.now(name, family);
    expect({ name, answer: now }).toEqual({ name, answer: await hostResolver.later(name, family) });
    if (typeof now === "number") expect(now).toBe(NOT_FOUND);
    else if (name !== "localhost") expect(now).toEqual([name]);
  }
});

ringTest("LOOKUP gives as many whole addresses as fit, or says that none does", async () => {
  const resolver = new ScriptedResolver();
  const backend = openBlocking({ faults: { resolver } });
  const sink = new RecordingSink();
  const addresses = ["10.0.0.1", "2001:db8::7", "10.0.0.2"];
  const whole = lookUp(backend, 0, "a.example", 0);
  const cut = lookUp(backend, 1, "b.example", 4, 8 + 1 + 10);
  const none = lookUp(backend, 2, "c.example", 6, 7);
  await settle(backend, sink);
  expect(resolver.asked).toEqual(["later a.example 0", "later b.example 4", "later c.example 6"]);
  for (const answer of resolver.answers) answer(addresses);
  await Bun.sleep(0);
  expect(backend.poll(sink, false)).toBe(3);
  expect(sink.results.map(({ result }) => result)).toEqual([29, 8, -ERRNO.EOVERFLOW]);
  expect([whole.text(29), cut.text(8)]).toEqual([addresses.join("\n"), "10.0.0.1"]);
  expect(none.bytes[9]).toBe(POISON);
  expect(backend.pending()).toBe(false);
});

ringTest(
  "LOOKUP delivers the resolver's failures, and its own for what it cannot use",
  async () => {
    const resolver = new ScriptedResolver();
    const backend = openBlocking({ faults: { resolver } });
    const sink = new RecordingSink();
    lookUp(backend, 0, "a.example");
    lookUp(backend, 1, "b.example");
    lookUp(backend, 2, "c.example", 5);
    const { address } = pinned(backend, ROOM);
    backend.ring.prepare(OPCODE.LOOKUP, 3, 1, -1, address, ROOM + 1, 0, ROOM);
    backend.ring.prepare(OPCODE.LOOKUP, 4, 1, -1, address, 4, 0, ROOM + 1);
    backend.poll(sink, false);
    await Bun.sleep(0);
    resolver.answers[0]!(NOT_FOUND);
    resolver.answers[1]!(TRY_AGAIN);
    resolver.answers[2]!(["10.0.0.1"]);
    await Bun.sleep(0);
    pollOut(backend, sink);
    expect(sink.takeSorted()).toEqual([
      `complete 0.1 ${NOT_FOUND}`,
      `complete 1.1 ${TRY_AGAIN}`,
      `complete 2.1 ${-ERRNO.EAFNOSUPPORT}`,
      `complete 3.1 ${-ERRNO.EFAULT}`,
      `complete 4.1 ${-ERRNO.EFAULT}`,
    ]);
  },
);

ringTest("a cancelled look-up ends at the next poll, and its answer is dropped", async () => {
  const resolver = new ScriptedResolver();
  const backend = openBlocking({ faults: { resolver } });
  const sink = new RecordingSink();
  const { bytes } = lookUp(backend, 1, "a.example");
  await settle(backend, sink);
  backend.ring.cancel(1, 1);
  backend.ring.cancel(1, 1);
  expect(backend.poll(sink, false)).toBe(1);
  expect(sink.take()).toEqual(["turn", `complete 1.1 ${-ERRNO.ECANCELED}`]);
  expect(backend.pending()).toBe(false);
  // The slot has another request by the time of the answer.
  const again = lookUp(backend, 1, "b.example");
  resolver.answers[0]!(["10.0.0.1"]);
  await Bun.sleep(0);
  expect(bytes[9]).toBe(POISON);
  resolver.answerNow = ["10.0.0.2"];
  pollOut(backend, sink);
  expect(again.text(sink.results[0]!.result)).toBe("10.0.0.2");
  // Not handed over yet, and cancelled at once: nobody is asked.
  lookUp(backend, 2, "c.example");
  backend.cancelAll();
  pollOut(backend, sink);
  await Bun.sleep(0);
  expect(resolver.asked).toEqual(["later a.example 0", "now b.example 0"]);
  lookUp(backend, 1, "d.example");
  sink.take();
  await settle(backend, sink);
  expect(backend.cancelSync(1, 1, 0)).toBe(0);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", `complete 1.1 ${-ERRNO.ECANCELED}`]);
});

ringTest("an answered look-up that is cancelled before it was delivered ends once", async () => {
  const resolver = new ScriptedResolver();
  const backend = openBlocking({ faults: { resolver } });
  const sink = new RecordingSink();
  const { bytes } = lookUp(backend, 1, "a.example");
  await settle(backend, sink);
  resolver.answers[0]!(["10.0.0.1"]);
  await Bun.sleep(0);
  backend.ring.cancel(1, 1);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", `complete 1.1 ${-ERRNO.ECANCELED}`]);
  expect(bytes[9]).toBe(POISON);
});

ringTest("an answer wakes a loop that sleeps, and a cancellation does", async () => {
  const resolver = new ScriptedResolver();
  const backend = await openLooping({ spinLimit: 0, faults: { resolver } });
  const sink = new RecordingSink();
  for (const end of ["answer", "cancel"]) {
    lookUp(backend, 1, "a.example");
    await settle(backend, sink);
    const awake = woken(backend);
    await Bun.sleep(5);
    if (end === "answer") resolver.answers[0]!(NOT_FOUND);
    else backend.ring.cancel(1, 1);
    await awake;
    expect(backend.poll(sink, false)).toBe(1);
  }
});

ringTest("a poll that waits resolves itself, after what is there already", async () => {
  const resolver = new ScriptedResolver();
  const backend = openBlocking({ faults: { resolver } });
  const sink = new RecordingSink();
  const [reader, writer] = backend.host.pipe(4096);
  const { address } = pinned(backend, 64);
  lookUp(backend, 1, "a.example");
  backend.poll(sink, false);
  backend.ring.prepare(OPCODE.READ, 2, 1, reader, address, 64, -1, 0);
  writeNow(backend, writer, new Uint8Array(3));
  expect(backend.poll(sink, true)).toBe(1);
  expect(sink.take()).toEqual(["turn", "complete 2.1 3"]);
  expect(resolver.asked).toEqual([]);
  backend.arm(0);
  expect(backend.poll(sink, true)).toBe(1);
  expect(sink.take()).toEqual(["turn", "expire"]);
  backend.arm(backend.now() + seconds(60));
  expect(backend.poll(sink, true)).toBe(1);
  expect(sink.take()).toEqual(["turn", `complete 1.1 ${NOT_FOUND}`]);
  await Bun.sleep(0);
  expect(resolver.asked).toEqual(["now a.example 0"]);
});

loopTest("close() drains look-ups, and their answers come too late", async (memory) => {
  const resolver = new ScriptedResolver();
  const backend = openBlocking({ memory, faults: { resolver } });
  const sink = new RecordingSink();
  const begun = lookUp(backend, 1, "a.example");
  await settle(backend, sink);
  const orphaned = lookUp(backend, 2, "b.example");
  await settle(backend, sink);
  backend.ring.prepare(OPCODE.NOP, 2, 2, -1, 0, 0, 0, 0);
  const prepared = lookUp(backend, 3, "c.example");
  backend.close();
  expect([backend.ring.inFlight, backend.pending()]).toEqual([0, false]);
  for (const answer of resolver.answers) answer(["10.0.0.1"]);
  await Bun.sleep(0);
  for (const { bytes } of [begun, orphaned, prepared]) expect(bytes[9]).toBe(POISON);
  expect(resolver.asked).toEqual(["later a.example 0", "later b.example 0"]);
  expect(sink.take()).toEqual([]);
});

ringTest("a look-up whose slot was given away is nobody's", async () => {
  const resolver = new ScriptedResolver();
  const backend = openBlocking({ faults: { resolver } });
  const sink = new RecordingSink();
  const { bytes } = lookUp(backend, 1, "a.example");
  await settle(backend, sink);
  backend.ring.prepare(OPCODE.NOP, 1, 2, -1, 0, 0, 0, 0);
  resolver.answers[0]!(["10.0.0.1"]);
  await Bun.sleep(0);
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", "complete 1.2 0"]);
  expect([backend.counters.stale, backend.pending(), bytes[9]]).toEqual([1, false, POISON]);
  // Not even if another goes by the same name.
  lookUp(backend, 1, "b.example");
  pollOut(backend, sink);
  expect(sink.take()).toEqual(["turn", `complete 1.1 ${NOT_FOUND}`]);
});
