/** Contract rules about sessions: what was recorded happens again, the same seed does the same. */
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "../runtime/runtime.ts";
import { replayRuntime } from "../runtime/start.ts";
import { openRecording } from "../session/recording.ts";
import type { Rule } from "./contract.ts";
import { equal, holds } from "./assert.ts";
import { closeAll, openSubject, startWith, type BackendName } from "./harness.ts";
import type { ContractSubject } from "./subject.ts";

/** The subject's own program, from opening to closing. */
async function exercise(io: Runtime, subject: ContractSubject): Promise<unknown> {
  return io.run(async () => {
    const ends = await openSubject(io, subject);
    const result = await subject.exercise(io, ends);
    await closeAll(ends);
    return result;
  });
}

let files = 0;

async function recorded(
  subject: ContractSubject,
  backend: BackendName,
  body: (path: string) => Promise<void>,
): Promise<void> {
  const name = `ioreel-contract-${process.pid}-${subject.provider.kind}-${backend}-${++files}.reel`;
  const path = join(tmpdir(), name);
  try {
    await body(path);
  } finally {
    rmSync(path, { force: true });
  }
}

async function digestOf(
  subject: ContractSubject,
  seed: number,
): Promise<{ digest: string; result: unknown }> {
  const io = await startWith(subject, "emulated", { seed, digest: true, permute: true });
  const result = await exercise(io, subject);
  await io.close();
  return { digest: io.session!.digest, result };
}

export const sessionRules: Rule[] = [
  {
    title: "record() then replay() is identical, event by event",
    body: (subject, backend) =>
      recorded(subject, backend, async (path) => {
        const io = await startWith(subject, backend, { record: path });
        const result = await exercise(io, subject);
        await io.close();
        const summary = io.session!;
        equal(summary.failure, undefined, "failure of the recording");
        holds(summary.events > 0, "something was recorded");
        using recording = openRecording(path);
        const again = replayRuntime(recording, [subject.provider]) as unknown as Runtime;
        const replayed = await exercise(again, subject);
        await again.close();
        equal(replayed, result, "result of the replayed program");
        equal(again.session!.failure, undefined, "difference to the recording");
        equal(again.session!.identical, true, "the replay is identical");
      }),
  },
  {
    title: "the same seed gives the same run, whose digest says so",
    only: "emulated",
    async body(subject) {
      const first = await digestOf(subject, 7);
      const second = await digestOf(subject, 7);
      equal(second, first, "digest and result of a second run with the same seed");
    },
  },
  {
    title: "a strict run finds no use of what a replay cannot repeat",
    only: "emulated",
    async body(subject) {
      const io = await startWith(subject, "emulated", { seed: 7, digest: true, strict: true });
      const result = await exercise(io, subject);
      await io.close();
      const lax = await startWith(subject, "emulated", { seed: 7, digest: true });
      equal(await exercise(lax, subject), result, "result of a run that is not strict");
      await lax.close();
      equal(lax.session!.digest, io.session!.digest, "digest of a run that is not strict");
    },
  },
];
