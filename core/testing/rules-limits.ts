/** Contract rules about limits: a full table, empty transfers, handles that are no more. */
import type { Rule } from "./contract.ts";
import { equal, throwsCode } from "./assert.ts";
import { inRuntime, ownEnds } from "./harness.ts";
import { waitingEnd } from "./rules-life.ts";

const SLOTS = 8;

export const limitRules: Rule[] = [
  {
    title: "asyncStart() waits in order while the table is full; tryStart() fails",
    body: (subject, backend) =>
      inRuntime(subject, backend, { limits: { table: { slots: SLOTS } } }, async (io, ends) => {
        const { waiting } = subject;
        const { handle } = waitingEnd(subject, ends);
        const isRead = waiting.operation === "read";
        const memory = (): Uint8Array => new Uint8Array(waiting.sizeBytes);
        const offset = waiting.offset ?? 0;
        const operations: number[] = [];
        // The services of what is open have slots too.
        for (let left = SLOTS - io.engine.state.table.used; left > 0; left--) {
          operations.push(await io.calls.asyncStart(handle, offset, isRead, memory()));
        }
        throwsCode(() => io.calls.tryStart(handle, offset, isRead, memory()), "ERR_TABLE_FULL");
        const began: number[] = [];
        const late = [0, 1].map((i) =>
          io.calls.asyncStart(handle, offset, isRead, memory()).then((operation) => {
            began.push(i);
            operations.push(operation);
          }),
        );
        for (let i = 0; i < 2; i++) {
          const operation = operations.shift()!;
          io.calls.asyncCancel(operation);
          await io.calls.asyncWait([operation], [false]);
          io.calls.asyncRelease(operation);
          await late[i];
        }
        equal(began, [0, 1], "order in which those who waited have started");
        for (const operation of operations) io.calls.asyncCancel(operation);
        for (const operation of operations) {
          await io.calls.asyncWait([operation], [false]);
          io.calls.asyncRelease(operation);
        }
      }),
  },
  {
    title: "an empty transfer is over at once and moves nothing, or is refused with a code",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (_io, ends) => {
        for (const [name, end] of ownEnds(subject, ends)) {
          for (const operation of subject.provider.ends[name]!.operations) {
            const direction = subject.provider.operations[operation]!.direction;
            if (direction === "none") continue;
            const moved = await end.perform(operation, new Uint8Array(0)).catch((error) => {
              equal(typeof error.code, "string", "code of a refused empty transfer");
              return 0;
            });
            equal(moved, 0, `bytes that an empty ${operation} moved`);
          }
        }
      }),
  },
  {
    title: "asyncRelease() refuses what is in flight, and a handle that was released, for ever",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (io, ends) => {
        const { waiting } = subject;
        const { handle } = waitingEnd(subject, ends);
        const isRead = waiting.operation === "read";
        const offset = waiting.offset ?? 0;
        const start = (): Promise<number> =>
          io.calls.asyncStart(handle, offset, isRead, new Uint8Array(waiting.sizeBytes));
        const first = await start();
        throwsCode(() => io.calls.asyncRelease(first), "ERR_OPERATION_BUSY");
        io.calls.asyncCancel(first);
        await io.calls.asyncWait([first], [false]);
        io.calls.asyncRelease(first);
        throwsCode(() => io.calls.asyncRelease(first), "ERR_BAD_HANDLE");
        const second = await start();
        throwsCode(() => io.calls.asyncRelease(first), "ERR_BAD_HANDLE");
        throwsCode(() => io.calls.asyncCancel(first), "ERR_BAD_HANDLE");
        io.calls.asyncCancel(second);
        await io.calls.asyncWait([second], [false]);
        io.calls.asyncRelease(second);
      }),
  },
  {
    title: "a buffer that an operation uses refuses a second writer and disposal",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (io, ends) => {
        const { waiting } = subject;
        const end = waitingEnd(subject, ends);
        const buffer = io.buffer(waiting.sizeBytes);
        const options = { offset: waiting.offset ?? 0 };
        const operation = end.perform(waiting.operation, buffer, options);
        operation.catch(() => {});
        throwsCode(() => buffer.dispose(), "ERR_BUFFER_BORROWED");
        if (waiting.operation === "read") {
          const second = await end.perform("read", buffer, options).then(
            () => undefined,
            (error: { code?: string }) => error.code,
          );
          equal(second, "ERR_BUFFER_BORROWED", "code of a second writer");
        }
        await waiting.finish(io, ends);
        equal(await operation, waiting.movesBytes, "bytes of the first operation");
        buffer.dispose();
      }),
  },
];
