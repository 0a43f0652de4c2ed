/**
 * Contract rules about saved state: what was in flight goes on elsewhere, and damage is refused.
 */
import { Random } from "../random.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Rule } from "./contract.ts";
import { equal, rejects, throwsCode } from "./assert.ts";
import {
  assertNothingLeft,
  closeAll,
  openSubject,
  startWith,
  type BackendName,
} from "./harness.ts";
import { waitingEnd } from "./rules-life.ts";
import type { ContractSubject, OpenedEnds } from "./subject.ts";

const DAMAGES = 200;

/** The subject's waiting operation, in flight. */
async function inFlight(io: Runtime, subject: ContractSubject, ends: OpenedEnds): Promise<number> {
  const { waiting } = subject;
  const buffer = io.buffer(waiting.sizeBytes);
  const { handle } = waitingEnd(subject, ends);
  const isRead = waiting.operation === "read";
  const operation = await io.calls.asyncStart(handle, waiting.offset ?? 0, isRead, buffer);
  equal(await io.calls.asyncWait([operation], [false], 0), 0, "operations that are over already");
  return operation;
}

/** Lets the operation finish. @returns all that can be told of how it ended */
async function future(
  io: Runtime,
  subject: ContractSubject,
  ends: OpenedEnds,
  operation: number,
): Promise<unknown> {
  await subject.waiting.finish(io, ends);
  await io.calls.asyncWait([operation], [false]);
  const outcome = io.calls.asyncOutcome(operation);
  const buffers = [...io.engine.state.pool.all()].map((buffer) => [...buffer.bytes]);
  return { outcome, buffers, released: io.calls.asyncRelease(operation) };
}

/** Restores, and finds every end again by its handle. */
function restoreEnds(io: Runtime, bytes: Uint8Array, ends: OpenedEnds): OpenedEnds {
  const restored = io.restore(bytes);
  equal(restored.length, Object.keys(ends).length, "ends that are open after the restore");
  const byHandle = new Map(restored.map((end) => [end.handle, end]));
  const found = Object.entries(ends).map(([name, { handle }]) => [name, byHandle.get(handle)!]);
  return Object.fromEntries(found) as OpenedEnds;
}

async function finishUp(io: Runtime, ends: OpenedEnds): Promise<void> {
  for (const buffer of io.engine.state.pool.all()) buffer.dispose();
  await closeAll(ends);
  assertNothingLeft(io);
}

/** Whether the provider says that what it has open can be made anew on the backend. */
const canRestore = ({ provider }: ContractSubject, backend: BackendName): boolean =>
  provider.capabilities.restore.includes(backend);

/** A rule about two runtimes: one that a snapshot is taken of, and one that it is put into. */
function between(
  body: (
    here: Runtime,
    there: Runtime,
    subject: ContractSubject,
    backend: BackendName,
  ) => Promise<void>,
): Rule["body"] {
  return async (subject, backend) => {
    const here = await startWith(subject, backend);
    const there = await startWith(subject, backend);
    try {
      await body(here, there, subject, backend);
    } finally {
      await here.close();
      await there.close();
    }
  };
}

export const stateRules: Rule[] = [
  {
    title: "restore() refuses with ERR_UNSUPPORTED what the provider cannot make anew",
    applies: (subject, backend) => !canRestore(subject, backend),
    body: between(async (here, there, subject) => {
      await inFlight(here, subject, await openSubject(here, subject));
      throwsCode(() => there.restore(here.snapshot()), "ERR_UNSUPPORTED");
      assertNothingLeft(there);
    }),
  },
  {
    title: "restore() in a new runtime goes on where snapshot() was taken, in mid-flight",
    applies: canRestore,
    body: between(async (here, there, subject, backend) => {
      const ends = await openSubject(here, subject);
      const operation = await inFlight(here, subject, ends);
      const saved = here.snapshot();
      const restored = restoreEnds(there, saved, ends);
      // Virtual time stands still until it is driven: nothing may have got lost or changed.
      if (backend === "emulated") equal(there.snapshot(), saved, "snapshot of what was restored");
      const theirs = await future(there, subject, restored, operation);
      const ours = await future(here, subject, ends, operation);
      equal(theirs, ours, "future of the restored operation");
      await finishUp(there, restored);
      await finishUp(here, ends);
    }),
  },
  {
    title: "restore() lets a restored operation be cancelled as any other",
    applies: canRestore,
    body: between(async (here, there, subject) => {
      const ends = await openSubject(here, subject);
      const operation = await inFlight(here, subject, ends);
      const restored = restoreEnds(there, here.snapshot(), ends);
      there.calls.asyncCancel(operation);
      await there.calls.asyncWait([operation], [false]);
      equal(there.calls.asyncOutcome(operation).code, "ECANCELED", "outcome");
      there.calls.asyncRelease(operation);
      await finishUp(there, restored);
    }),
  },
  {
    title: "restore() refuses damaged state with ERR_STATE_CORRUPT and changes nothing",
    applies: canRestore,
    body: between(async (here, there, subject) => {
      const ends = await openSubject(here, subject);
      await inFlight(here, subject, ends);
      const saved = here.snapshot();
      const random = new Random(1);
      for (let i = 0; i < DAMAGES; i++) {
        const damaged = saved.slice(0, i % 4 === 0 ? random.below(saved.length) : saved.length);
        if (i % 4 !== 0) damaged[random.below(damaged.length)]! ^= 1 << random.below(8);
        throwsCode(() => there.restore(damaged), "ERR_STATE_CORRUPT");
      }
      assertNothingLeft(there);
      restoreEnds(there, saved, ends);
    }),
  },
  {
    title: "restore() refuses a runtime that is in use with ERR_OPERATION_BUSY",
    async body(subject, backend) {
      const io = await startWith(subject, backend);
      try {
        const ends = await openSubject(io, subject);
        await inFlight(io, subject, ends);
        const saved = io.snapshot();
        throwsCode(() => io.restore(saved), "ERR_OPERATION_BUSY");
        await rejects(waitingEnd(subject, ends).perform("noSuchOperation"), "ERR_UNSUPPORTED");
      } finally {
        await io.close();
      }
    },
  },
];
