/**
 * Odd completions, with a toy kernel that gives them at will: interrupted requests, several results
 * of one request, completions of nobody's, and completions that arrive in the middle of a delivery.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";

import { ERRNO } from "../../errors.ts";
import { COMPLETE_BUFFER, COMPLETE_MORE, OPCODE } from "../contract.ts";
import { CQE_BUFFER, CQE_MORE, ENTRY_ASYNC } from "./abi.ts";
import { RecordingSink } from "./ring.fixture.ts";
import { ToyKernel } from "./toy-kernel.fixture.ts";

const { EAGAIN, EINTR, ECANCELED } = ERRNO;

function toyWithRead(): { toy: ToyKernel; sink: RecordingSink; file: number } {
  const toy = new ToyKernel(8, 16, 64);
  const file = toy.core.files.add(100);
  toy.core.prepare(OPCODE.READ, 5, 7, file, 0x7fff12345678, 4096, 2 ** 40 + 3, 0);
  toy.core.enter(0);
  return { toy, sink: new RecordingSink(), file };
}

test.each([
  ["EINTR", EINTR],
  ["EAGAIN", EAGAIN],
])("reap() issues a read again, word for word, when it ends with %s", (_name, errno) => {
  const { toy, sink } = toyWithRead();
  const first = toy.taken[0]!;
  toy.completeTaken(first, -errno);
  expect(toy.deliver(sink)).toBe(0);
  expect(toy.core.inFlight).toBe(1);
  toy.core.enter(0);
  expect(toy.taken).toEqual([first]);
  toy.completeTaken(toy.taken[0]!, 12);
  toy.deliver(sink);
  expect(sink.take()).toEqual(["turn", "complete 5.7 12"]);
  expect(toy.core.inFlight).toBe(0);
});

test("reap() leaves a read to a worker of the kernel from the second time on", () => {
  const { toy, sink } = toyWithRead();
  const plain = toy.taken[0]![0]!;
  const firstWords: number[] = [];
  for (let attempt = 0; attempt < 3; attempt++) {
    firstWords.push(toy.taken[0]![0]!);
    toy.completeTaken(toy.taken[0]!, -EAGAIN);
    toy.deliver(sink);
    toy.core.enter(0);
  }
  expect(firstWords).toEqual([plain, plain, plain | ENTRY_ASYNC]);
});

test("reap() delivers EAGAIN when asking again did not help", () => {
  const { toy, sink } = toyWithRead();
  let attempts = 0;
  for (; toy.taken.length > 0; attempts++) {
    toy.completeTaken(toy.taken[0]!, -EAGAIN);
    toy.deliver(sink);
    toy.core.enter(0);
  }
  expect(attempts).toBe(5);
  expect(sink.take()).toEqual(["turn", `complete 5.7 ${-EAGAIN}`]);
});

test("reap() counts the attempts of each request anew", () => {
  const { toy, sink, file } = toyWithRead();
  for (let request = 0; request < 4; request++) {
    for (let attempt = 0; attempt < 3; attempt++) {
      toy.completeTaken(toy.taken[0]!, -EINTR);
      toy.deliver(sink);
      toy.core.enter(0);
    }
    toy.completeTaken(toy.taken[0]!, 1);
    toy.deliver(sink);
    toy.core.prepare(OPCODE.READ, 5, 8 + request, file, 4096, 1, 0, 0);
    toy.core.enter(0);
  }
  expect(sink.results.map(({ result }) => result)).toEqual([1, 1, 1, 1]);
});

test("reap() does not issue a request again that was cancelled meanwhile", () => {
  for (const [given, delivered] of [
    [-EAGAIN, -EAGAIN],
    // How a worker of the kernel reports that it was told to stop.
    [-EINTR, -ECANCELED],
  ] as const) {
    const { toy, sink } = toyWithRead();
    const read = toy.taken[0]!;
    toy.core.cancel(5, 7);
    toy.core.enter(0);
    toy.completeTaken(toy.taken[1]!, -ERRNO.EALREADY);
    toy.completeTaken(read, given);
    toy.deliver(sink);
    expect(sink.take()).toEqual(["turn", `complete 5.7 ${delivered}`]);
    expect([toy.core.inFlight, toy.core.ownInFlight, toy.taken.length]).toEqual([0, 0, 0]);
  }
});

test("cancel() of a request that is not in flight asks for nothing and marks nothing", () => {
  const { toy, sink } = toyWithRead();
  for (const [slot, generation] of [
    [5, 6],
    [5, 8],
    [6, 7],
    [1000, 7],
  ] as const) {
    toy.core.cancel(slot, generation);
  }
  toy.core.enter(0);
  expect(toy.taken).toHaveLength(1);
  // The read in the slot was not cancelled, so it is issued again.
  toy.completeTaken(toy.taken[0]!, -EAGAIN);
  toy.deliver(sink);
  toy.core.enter(0);
  expect(toy.taken).toHaveLength(1);
});

test("reap() takes EAGAIN for the answer when the caller asked not to wait", () => {
  const toy = new ToyKernel(8, 16, 64);
  const sink = new RecordingSink();
  const file = toy.core.files.add(100);
  const noWait = 8; // RWF_NOWAIT
  toy.core.prepare(OPCODE.READ, 1, 0, file, 4096, 1, 0, noWait);
  toy.core.enter(0);
  toy.completeTaken(toy.taken[0]!, -EAGAIN);
  toy.deliver(sink);
  expect(sink.take()).toEqual(["turn", `complete 1.0 ${-EAGAIN}`]);
});

test("reap() keeps a request in flight for as long as more results follow", () => {
  const toy = new ToyKernel(8, 16, 64);
  const sink = new RecordingSink();
  toy.core.prepare(OPCODE.POLL_ADD, 2, 9, toy.core.files.add(100), 0, 1, 0, 1);
  toy.core.enter(0);
  toy.complete(2, 9, 1, CQE_MORE);
  toy.complete(2, 9, 4, CQE_MORE | CQE_BUFFER | (3 << 16));
  toy.deliver(sink);
  expect(toy.core.inFlight).toBe(1);
  toy.complete(2, 9, -ECANCELED, 0);
  toy.deliver(sink);
  expect(toy.core.inFlight).toBe(0);
  expect(sink.results.map(({ result, flags }) => [result, flags])).toEqual([
    [1, COMPLETE_MORE],
    [4, COMPLETE_MORE | COMPLETE_BUFFER | (3 << 16)],
    [-ECANCELED, 0],
  ]);
});

test("reap() counts and drops what belongs to a former generation, and what comes twice", () => {
  const toy = new ToyKernel(8, 16, 64);
  const sink = new RecordingSink();
  toy.core.prepare(OPCODE.NOP, 3, 1, -1, 0, 0, 0, 0);
  toy.core.enter(0);
  toy.core.prepare(OPCODE.NOP, 3, 2, -1, 0, 0, 0, 0);
  toy.core.enter(0);
  toy.completeTaken(toy.taken[0]!, 0);
  toy.complete(3, 1, 0);
  toy.completeTaken(toy.taken[0]!, 0);
  toy.complete(3, 2, 0);
  toy.complete(40, 0, 0);
  expect(toy.deliver(sink)).toBe(1);
  expect(sink.take()).toEqual(["turn", "complete 3.2 0"]);
  expect(toy.core.counters.stale).toBe(4);
  expect(toy.core.inFlight).toBe(0);
});

test("prepare() refuses a second request of the same generation in a slot", () => {
  const toy = new ToyKernel(8, 16, 64);
  toy.core.prepare(OPCODE.NOP, 3, 1, -1, 0, 0, 0, 0);
  expect(() => toy.core.prepare(OPCODE.NOP, 3, 1, -1, 0, 0, 0, 0)).toThrow(
    "Cannot prepare a request for slot 3: its request of generation 1 is in flight",
  );
  expect(() => toy.core.prepare(OPCODE.NOP, 64, 1, -1, 0, 0, 0, 0)).toThrow(
    "Cannot prepare a request: slot must be from 0 to 63: found 64",
  );
  expect(toy.core.inFlight).toBe(1);
});

test("prepare() keeps generations whole beyond 31 bits", () => {
  const toy = new ToyKernel(8, 16, 64);
  const sink = new RecordingSink();
  const generation = 2 ** 32 - 2;
  toy.core.prepare(OPCODE.NOP, 3, generation, -1, 0, 0, 0, 0);
  toy.core.enter(0);
  toy.completeTaken(toy.taken[0]!, 0);
  toy.deliver(sink);
  expect(sink.take()).toEqual(["turn", `complete 3.${generation} 0`]);
});

test("reap() stays whole when a callback throws: the next call goes on after that event", () => {
  const toy = new ToyKernel(8, 16, 64);
  const sink = new RecordingSink();
  for (let slot = 0; slot < 4; slot++) toy.core.prepare(OPCODE.NOP, slot, 0, -1, 0, 0, 0, 0);
  toy.core.enter(0);
  toy.completeAll(0);
  sink.onComplete = (slot) => {
    if (slot === 1) throw new Error("a verifier ends the run");
  };
  expect(() => toy.deliver(sink)).toThrow("a verifier ends the run");
  toy.deliver(sink);
  expect(sink.results.map(({ slot }) => slot)).toEqual([0, 1, 2, 3]);
  expect(toy.core.inFlight).toBe(0);
});

test("prepare() inside a delivery keeps the order when the kernel wants room first", () => {
  const toy = new ToyKernel(4, 4, 64);
  const sink = new RecordingSink();
  for (let slot = 0; slot < 4; slot++) toy.core.prepare(OPCODE.NOP, slot, 0, -1, 0, 0, 0, 0);
  toy.core.enter(0);
  toy.completeAll(0);
  sink.onComplete = (slot) => {
    if (slot !== 0) return;
    // Six requests do not fit into four places, and the kernel wants its completions gone first.
    toy.wantsRoom = true;
    toy.answers.push({ errno: ERRNO.EAGAIN });
    for (let next = 10; next < 16; next++) toy.core.prepare(OPCODE.NOP, next, 0, -1, 0, 0, 0, 0);
  };
  toy.onTaken = (entry) => toy.completeTaken(entry, 0);
  for (let i = 0; i < 4; i++) {
    toy.deliver(sink);
    toy.core.enter(0);
  }
  expect(sink.results.map(({ slot }) => slot)).toEqual([0, 1, 2, 3, 10, 11, 12, 13, 14, 15]);
  expect(toy.core.inFlight).toBe(0);
});

test("enter() fails with the kernel's reason when it refuses again and again", () => {
  const toy = new ToyKernel(4, 4, 64);
  toy.core.prepare(OPCODE.NOP, 0, 0, -1, 0, 0, 0, 0);
  for (let i = 0; i < 100; i++) toy.answers.push({ errno: EAGAIN });
  expect(() => toy.core.enter(0)).toThrow("Cannot enter the ring: io_uring_enter gave EAGAIN");
  // What was prepared is still there, for when the kernel can again.
  toy.answers.length = 0;
  toy.core.enter(0);
  expect(toy.taken).toHaveLength(1);
});

test("enter() submits the rest when the kernel takes only some", () => {
  const toy = new ToyKernel(8, 8, 64);
  for (let slot = 0; slot < 8; slot++) toy.core.prepare(OPCODE.NOP, slot, 0, -1, 0, 0, 0, 0);
  toy.answers.push({ take: 3 }, { errno: EINTR }, { take: 1 });
  toy.core.enter(0);
  expect(toy.taken.map((entry) => entry[8])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("reap() delivers one last result for each request, whatever the kernel answers", () => {
  const step = fc.record({
    act: fc.constantFrom("read", "nop", "cancel", "complete", "complete", "deliver", "enter"),
    pick: fc.nat(1000),
    result: fc.constantFrom(0, 1, 4096, -EINTR, -EAGAIN, -ECANCELED, -ERRNO.EIO),
    more: fc.boolean(),
    trouble: fc.constantFrom("none", "none", "none", "EBUSY", "EAGAIN", "EINTR", "some"),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const toy = new ToyKernel(4, 4, 16);
      const sink = new RecordingSink();
      const file = toy.core.files.add(100);
      const generations = new Array<number>(16).fill(0);
      const busy = new Set<number>();
      const prepared: string[] = [];
      sink.onComplete = (slot) => {
        if ((sink.results.at(-1)!.flags & COMPLETE_MORE) === 0) busy.delete(slot);
      };
      for (const { act, pick, result, more, trouble } of steps) {
        if (trouble === "some") toy.answers.push({ take: 1 });
        else if (trouble !== "none") toy.answers.push({ errno: ERRNO[trouble] });
        const slot = pick % 16;
        const entry = toy.taken[pick % Math.max(1, toy.taken.length)];
        if ((act === "read" || act === "nop") && !busy.has(slot)) {
          busy.add(slot);
          const generation = ++generations[slot]!;
          prepared.push(`${slot}.${generation}`);
          const opcode = act === "nop" ? OPCODE.NOP : OPCODE.READ;
          toy.core.prepare(opcode, slot, generation, act === "nop" ? -1 : file, 4096, 1, 0, 0);
        } else if (act === "cancel") toy.core.cancel(slot, generations[slot]!);
        else if (act === "complete" && entry !== undefined) {
          if (more && entry[8]! >= 0) toy.complete(entry[8]!, entry[9]!, 1, CQE_MORE);
          else toy.completeTaken(entry, entry[8]! < 0 ? -ERRNO.ENOENT : result);
        } else if (act === "enter") toy.core.enter(0);
        else if (act === "deliver") toy.deliver(sink);
      }
      toy.answers.length = 0;
      while (toy.core.inFlight + toy.core.ownInFlight > 0) {
        toy.core.enter(0);
        toy.completeAll(1);
        toy.deliver(sink);
      }
      const last = sink.results.filter(({ flags }) => (flags & COMPLETE_MORE) === 0);
      const ended = last.map(({ slot, generation }) => `${slot}.${generation}`);
      expect(ended.sort()).toEqual(prepared.sort());
      expect(toy.core.files.inFlight[file]).toBe(0);
      expect(toy.core.counters.stale).toBe(0);
    }),
    { seed: 20_26, numRuns: 300 },
  );
});
