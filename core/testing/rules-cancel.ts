/** Contract rules about cancelling: in flight, too late, twice, and losing the race. */
import type { Rule } from "./contract.ts";
import { equal, holds, rejects } from "./assert.ts";
import { inRuntime } from "./harness.ts";
import { waitingEnd } from "./rules-life.ts";

export const cancelRules: Rule[] = [
  {
    title: "asyncCancel() ends a waiting operation once, and its buffer is on loan until then",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (io, ends) => {
        const { waiting } = subject;
        const buffer = io.buffer(waiting.sizeBytes);
        const { handle } = waitingEnd(subject, ends);
        const isRead = waiting.operation === "read";
        const operation = await io.calls.asyncStart(handle, waiting.offset ?? 0, isRead, buffer);
        equal(io.calls.asyncOutcome(operation).done, false, "the operation waits");
        io.calls.asyncCancel(operation);
        io.calls.asyncCancel(operation);
        const statuses = [false];
        equal(await io.calls.asyncWait([operation], statuses), 1, "operations that are terminal");
        equal(statuses, [true], "statuses");
        equal(io.calls.asyncOutcome(operation).code, "ECANCELED", "outcome");
        equal(buffer.isBorrowed, false, "the loan is over when the completion is delivered");
        io.calls.asyncCancel(operation);
        equal(io.calls.asyncOutcome(operation).code, "ECANCELED", "outcome after a late cancel");
        equal(io.calls.asyncRelease(operation), 0, "bytes in its lifetime");
        buffer.dispose();
        equal(io.engine.state.counters.stale, 0, "completions that nobody expected");
      }),
  },
  {
    title: "asyncCancel() that loses the race delivers the success and leaks nothing",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (io, ends) => {
        const { waiting } = subject;
        const { handle } = waitingEnd(subject, ends);
        const isRead = waiting.operation === "read";
        const buffer = io.buffer(waiting.sizeBytes);
        const operation = await io.calls.asyncStart(handle, waiting.offset ?? 0, isRead, buffer);
        await waiting.finish(io, ends);
        io.calls.asyncCancel(operation);
        await io.calls.asyncWait([operation], [false]);
        const { code, bytes } = io.calls.asyncOutcome(operation);
        holds(code === undefined || code === "ECANCELED", `success or cancelled: found ${code}`);
        const wanted = code === undefined ? waiting.movesBytes : 0;
        equal(bytes, wanted, "bytes of an operation that was cancelled too late");
        equal(io.calls.asyncRelease(operation), bytes, "bytes in its lifetime");
        equal(buffer.isBorrowed, false, "loan");
        buffer.dispose();
      }),
  },
  {
    title: "cancel() of a task cancels its operation and lets its cleanup finish",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (io, ends) => {
        const { waiting } = subject;
        let cleaned = false;
        await io.run(async () => {
          const task = io.spawn(async () => {
            try {
              await waitingEnd(subject, ends).perform(
                waiting.operation,
                new Uint8Array(waiting.sizeBytes),
                { offset: waiting.offset ?? 0 },
              );
            } finally {
              await io.sleep(1000);
              cleaned = true;
            }
          });
          await io.yieldNow();
          equal(await task.cancel(), undefined, "result of a cancelled task");
          equal(cleaned, true, "the task's cleanup ran");
        });
      }),
  },
  {
    title: "cancel in flight, many at once: every operation ends exactly once",
    body: (subject, backend) =>
      inRuntime(subject, backend, {}, async (io, ends) => {
        const { waiting } = subject;
        const end = waitingEnd(subject, ends);
        const { table } = io.engine.state;
        // What the provider itself keeps in flight goes on.
        const before = table.used;
        const operations = Array.from({ length: 16 }, () =>
          end.perform(waiting.operation, new Uint8Array(waiting.sizeBytes), {
            offset: waiting.offset ?? 0,
          }),
        );
        for (const operation of operations) operation.catch(() => {});
        io.engine.cancelOperations();
        io.engine.cancelOperations();
        for (const operation of operations) await rejects(operation, "ECANCELED");
        equal(table.used, before, "slots in use afterwards");
      }),
  },
];
