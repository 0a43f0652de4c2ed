/** Contract rules about opening, closing and asking for what is not there. */
import type { Rule } from "./contract.ts";
import { equal, holds, rejects } from "./assert.ts";
import { assertNothingLeft, inRuntime, openSubject, ownEnds, startWith } from "./harness.ts";
import type { ContractSubject, OpenedEnds } from "./subject.ts";
import type { OpenEnd } from "../runtime/open-end.ts";

/** The end and the memory of the subject's waiting operation. */
export function waitingEnd(subject: ContractSubject, ends: OpenedEnds): OpenEnd {
  return ends[subject.waiting.end]!;
}

export const lifeRules: Rule[] = [
  {
    title: "open() gives every end that the definition names",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (_io, ends) => {
        for (const [name, end] of ownEnds(subject, ends)) equal(end?.name, name, "name of the end");
      }),
  },
  {
    title: "open() refuses an unknown option and leaves nothing open",
    async body(subject, backend) {
      const io = await startWith(subject, backend);
      try {
        const error = await io.open(subject.provider.kind, { noSuchOption: 1 }).then(
          () => undefined,
          (reason: unknown) => reason,
        );
        holds(error instanceof TypeError, `a TypeError for an unknown option: found ${error}`);
        assertNothingLeft(io);
      } finally {
        await io.close();
      }
    },
  },
  {
    title: "open() refuses a kind that nobody registered with ERR_UNSUPPORTED",
    async body(subject, backend) {
      const io = await startWith(subject, backend);
      try {
        await rejects(io.open("nosuchkind"), "ERR_UNSUPPORTED");
      } finally {
        await io.close();
      }
    },
  },
  {
    title: "perform() rejects with ERR_CLOSED on a closed end, and close() twice is the same close",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (_io, ends) => {
        for (const end of Object.values(ends)) {
          const first = end.close();
          equal(end.close() === first, true, "the second close is the first");
          await first;
        }
        for (const end of Object.values(ends)) {
          for (const operation of subject.provider.operationNames) {
            await rejects(end.perform(operation, new Uint8Array(8)), "ERR_CLOSED");
          }
        }
      }),
  },
  {
    title: "close() cancels what is in flight, awaits it, and refuses new operations meanwhile",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (io, ends) => {
        const { waiting } = subject;
        const buffer = io.buffer(waiting.sizeBytes);
        const end = waitingEnd(subject, ends);
        const options = { offset: waiting.offset ?? 0 };
        const operation = end.perform(waiting.operation, buffer, options);
        operation.catch(() => {});
        equal(buffer.isBorrowed, true, "the buffer is on loan while the operation waits");
        const closing = end.close();
        const late = await end.perform(waiting.operation, new Uint8Array(8)).then(
          () => "nothing",
          (error: { code?: string }) => error.code,
        );
        // Where nothing has to be awaited, the end is closed by the time the call returns.
        holds(late === "ERR_CLOSING" || late === "ERR_CLOSED", `refused while closing: ${late}`);
        await rejects(operation, "ECANCELED");
        await closing;
        equal(buffer.isBorrowed, false, "the buffer is free after the close");
        buffer.dispose();
      }),
  },
  {
    title: "perform() rejects with ERR_UNSUPPORTED and EPERM for what the end cannot do",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (_io, ends) => {
        const { provider } = subject;
        for (const [name, end] of ownEnds(subject, ends)) {
          await rejects(end.perform("noSuchOperation", new Uint8Array(8)), "ERR_UNSUPPORTED");
          const allowed = provider.ends[name]!.operations;
          for (const operation of provider.operationNames) {
            if (allowed.includes(operation)) continue;
            await rejects(end.perform(operation, new Uint8Array(8)), "EPERM");
          }
        }
      }),
  },
  {
    title: "close() of the runtime ends everything that is in flight and open",
    async body(subject, backend) {
      const io = await startWith(subject, backend);
      const ends = await openSubject(io, subject);
      const { waiting } = subject;
      const memory = new Uint8Array(waiting.sizeBytes);
      const operation = waitingEnd(subject, ends).perform(waiting.operation, memory, {
        offset: waiting.offset ?? 0,
      });
      operation.catch(() => {});
      await io.close();
      await rejects(operation, "ECANCELED");
      assertNothingLeft(io);
    },
  },
];
