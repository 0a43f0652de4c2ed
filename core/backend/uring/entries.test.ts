/**
 * What requests leave behind, with a toy kernel that shows its submissions word by word: buffers
 * that come back with completions nobody gets, and places of the queue that are used again.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";

import { ERRNO } from "../../errors.ts";
import { COMPLETE_BUFFER, COMPLETE_MORE, HOW, OPCODE, fromGroup } from "../contract.ts";
import { CQE_BUFFER, CQE_MORE, ENTRY_BUFFER_SELECT } from "./abi.ts";
import { RecordingSink } from "./ring.fixture.ts";
import { ToyKernel } from "./toy-kernel.fixture.ts";

/** A toy whose group notes what is put into it. */
function toyWithGroup(): { toy: ToyKernel; put: number[]; out: number[]; file: number } {
  const toy = new ToyKernel(8, 16, 64);
  const put: number[] = [];
  const out: number[] = [];
  Object.assign(toy.core.groups, {
    require: (group: number) => group,
    hold: (group: number) => group,
    letGo: () => {},
    putBack: (group: number, buffer: number) => put.push(group, buffer),
    handOut: (group: number, buffer: number) => out.push(group, buffer),
  });
  return { toy, put, out, file: toy.core.files.add(100) };
}

test("a buffer that a failed receive had picked is the kernel's again", () => {
  const { toy, put, out, file } = toyWithGroup();
  const sink = new RecordingSink();
  toy.core.prepare(OPCODE.RECV, 1, 1, file, 0, 0, 0, 0, HOW.RECV_MULTISHOT | fromGroup(6));
  toy.core.enter(0);
  toy.complete(1, 1, 5, CQE_MORE | CQE_BUFFER | (2 << 16));
  toy.completeTaken(toy.taken[0]!, -ERRNO.ECONNRESET, CQE_BUFFER | (3 << 16));
  toy.deliver(sink);
  expect(sink.results.map(({ result, flags }) => [result, flags])).toEqual([
    [5, COMPLETE_MORE | COMPLETE_BUFFER | (2 << 16)],
    [-ERRNO.ECONNRESET, 0],
  ]);
  expect({ put, out }).toEqual({ put: [6, 3], out: [6, 2] });
});

test("a buffer of a request whose slot was given away is the kernel's again", () => {
  const { toy, put, out, file } = toyWithGroup();
  const sink = new RecordingSink();
  toy.core.prepare(OPCODE.RECV, 1, 1, file, 0, 0, 0, 0, HOW.RECV_MULTISHOT | fromGroup(6));
  toy.core.enter(0);
  toy.core.prepare(OPCODE.NOP, 1, 2, -1, 0, 0, 0, 0);
  toy.complete(1, 1, 5, CQE_MORE | CQE_BUFFER | (2 << 16));
  toy.completeTaken(toy.taken[0]!, 7, CQE_BUFFER | (4 << 16));
  toy.deliver(sink);
  expect(sink.results).toEqual([]);
  expect({ put, out }).toEqual({ put: [6, 2, 6, 4], out: [] });
});

test("an interrupted armed receive is armed again as it was, and by no worker", () => {
  const { toy, put, file } = toyWithGroup();
  const sink = new RecordingSink();
  toy.core.prepare(OPCODE.RECV, 1, 1, file, 0, 0, 0, 0, HOW.RECV_MULTISHOT | fromGroup(6));
  toy.core.enter(0);
  const first = toy.taken[0]!;
  expect([first[0]! & ENTRY_BUFFER_SELECT, first[0]! >>> 16, first[10]]).toEqual([
    ENTRY_BUFFER_SELECT,
    HOW.RECV_MULTISHOT,
    6,
  ]);
  for (let attempt = 0; attempt < 3; attempt++) {
    toy.completeTaken(toy.taken[0]!, -ERRNO.EINTR, CQE_BUFFER | (1 << 16));
    toy.deliver(sink);
    toy.core.enter(0);
    expect(toy.taken).toEqual([first]);
  }
  expect(put).toEqual([6, 1, 6, 1, 6, 1]);
  expect(sink.results).toEqual([]);
});

test("a splice is on both of its files, also when its slot was given away", () => {
  const toy = new ToyKernel(8, 16, 64);
  const [to, from] = [toy.core.files.add(100), toy.core.files.add(200)];
  const sink = new RecordingSink();
  toy.core.prepare(OPCODE.SPLICE, 1, 1, to, -1, 8, -1, from);
  toy.core.enter(0);
  expect(toy.core.requests.markInFlight(from)).toEqual([{ slot: 1, generation: 1 }]);
  toy.core.prepare(OPCODE.NOP, 1, 2, -1, 0, 0, 0, 0);
  expect(toy.core.requests.markInFlight(from)).toEqual([{ slot: 1, generation: 1 }]);
  expect([...toy.core.files.inFlight.subarray(0, 2)]).toEqual([1, 1]);
  toy.completeTaken(toy.taken[0]!, 8);
  toy.deliver(sink);
  expect([...toy.core.files.inFlight.subarray(0, 2)]).toEqual([0, 0]);
  expect(toy.core.requests.markInFlight(from)).toEqual([]);
});

test("a place of the queue shows each request nothing of the one before it", () => {
  const kinds = fc.constantFrom("nop", "read", "pick", "splice", "limited", "cancel", "again");
  fc.assert(
    fc.property(fc.array(kinds, { minLength: 4, maxLength: 60 }), (script) => {
      const { toy, file } = toyWithGroup();
      const from = toy.core.files.add(200);
      const sink = new RecordingSink();
      for (const [slot, kind] of script.entries()) {
        const how = kind === "pick" ? fromGroup(6) : 0;
        const opcode =
          kind === "nop" ? OPCODE.NOP : kind === "splice" ? OPCODE.SPLICE : OPCODE.RECV;
        toy.core.prepare(opcode, slot, 1, file, 4096, 1, 0, kind === "splice" ? from : 0, how);
        if (kind === "limited") toy.core.limit(slot, 1, 5);
        if (kind === "cancel") toy.core.cancel(slot, 1);
        toy.core.enter(0);
        if (kind === "again") {
          toy.completeTaken(toy.taken[0]!, -ERRNO.EAGAIN);
          toy.deliver(sink);
          toy.core.enter(0);
        }
        for (const entry of toy.taken) {
          const taken = entry[0]! & 0xff;
          // The kernel does not look at these words of a NOP.
          if (taken === OPCODE.NOP) continue;
          const own = entry[8]! < 0;
          const group = kind === "pick" && !own ? 6 : 0;
          expect([entry[10], entry[11]]).toEqual([group, taken === OPCODE.SPLICE ? 200 : 0]);
        }
        toy.completeAll(0);
        toy.deliver(sink);
      }
    }),
    { seed: 7, numRuns: 100 },
  );
});
