/** Strict sessions of io_uring: what a program asked the host comes again in a replay. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { randomBytes, randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ms } from "../clock.ts";
import { isReelError } from "../errors.ts";
import { replayRuntime, startRuntime } from "../runtime/start.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { openRecording } from "../session/recording.ts";
import { curious } from "./curious.fixture.ts";
import { escaped, refusal, USES } from "./uses.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-strict-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const why = await startRuntime({ backend: "uring" }).then(
  async (io) => void (await io.close()),
  (error) => {
    if (!isReelError(error, "ERR_BACKEND_UNAVAILABLE")) throw error;
    return error.message;
  },
);
if (why !== undefined) console.warn(`skipped: sessions of io_uring: ${why}`);

/** Everything that a strict program may ask of the host on io_uring. */
async function ask(io: Runtime): Promise<unknown[]> {
  const answers: unknown[] = [Date.now(), new Date(), new Date().getTime(), Date()];
  await io.sleep(ms(2));
  answers.push(performance.now(), Bun.nanoseconds(), Math.random(), Math.random());
  answers.push(
    crypto.getRandomValues(new Uint16Array(4)),
    crypto.getRandomValues(new Uint8Array(0)),
  );
  await io.yieldNow();
  return [...answers, crypto.randomUUID(), randomUUID(), randomBytes(16)];
}

async function recorded(name: string, strict = true) {
  const record = join(folder, name);
  const found: unknown[] = [];
  const wait = (): void => void found.push(Date.now(), Math.random());
  const providers = [curious({ wait })];
  const io = await startRuntime({ backend: "uring", seed: 1, strict, record, providers });
  const answers = await io.run(async () => {
    const end = await io.open("curious");
    await end.perform("look");
    return ask(io as Runtime);
  });
  await io.close();
  return { record, answers: [...answers, ...found], session: io.session! };
}

async function replayed(record: string, main = ask) {
  using recording = openRecording(record);
  const found: unknown[] = [];
  const wait = (): void => void found.push(Date.now(), Math.random());
  const io = replayRuntime(recording, [curious({ wait })]);
  const run = io.run(async () => {
    const end = await io.open("curious");
    await end.perform("look");
    return main(io as Runtime);
  });
  const answers = await run.catch((error: unknown) => [error]);
  await io.close();
  return { answers: [...answers, ...found], session: io.session! };
}

describe.skipIf(why !== undefined)("a strict session of io_uring", () => {
  test("keeps what program and provider asked of the host, and gives it again", async () => {
    const first = await recorded("facts.reel");
    await Bun.sleep(3);
    const again = await replayed(first.record);
    expect(again.session.failure).toBeUndefined();
    expect(again.session.identical).toBe(true);
    expect(again.answers).toEqual(first.answers);
    expect(new Set(first.answers.slice(6, 8)).size).toBe(2);
  });

  test("tells a replay that asks for something else from one that agrees", async () => {
    const { record } = await recorded("other.reel");
    const { answers, session } = await replayed(record, async (io) => {
      const answer = [Math.random()];
      await io.sleep(ms(2));
      return answer;
    });
    expect(session.identical).toBe(false);
    expect((answers[0] as { code?: string }).code).toBe("ERR_DIVERGED");
  });

  test("traps all that it cannot keep", async () => {
    await using io = await startRuntime({ backend: "uring", seed: 1, strict: true });
    const kept = USES.filter(({ group }) => group.fact !== undefined);
    const trapped = USES.filter(({ group }) => group.fact === undefined);
    expect(await io.run(async () => escaped(trapped))).toEqual([]);
    const codes = await io.run(async () => kept.map(({ call }) => refusal(call)?.code));
    expect(codes).not.toContain("ERR_NONDETERMINISM");
    const late = await io.run(async () => refusal(() => [randomBytes(4, () => {})]));
    expect(late?.code).toBe("ERR_NONDETERMINISM");
  });

  test("is replayed strictly, and a lax one is not", async () => {
    const { record } = await recorded("strict.reel");
    const again = await replayed(record, async (io) => {
      const answers = await ask(io);
      return [refusal(() => [fetch("")])?.code, answers.length];
    });
    expect(again.answers[0]).toBe("ERR_NONDETERMINISM");
    const lax = await recorded("lax.reel", false);
    const free = await replayed(lax.record, async (io) => [
      refusal(() => [setTimeout(() => {}, 0)]),
      await ask(io),
    ]);
    expect(free.answers[0]).toBeUndefined();
    expect(free.session.identical).toBe(true);
  });
});

test("a strict session of the emulated machine is replayed strictly", async () => {
  const record = join(folder, "emulated.reel");
  const main = async (io: Runtime): Promise<unknown> => {
    await io.sleep(ms(1));
    return refusal(() => [Math.random()])?.code;
  };
  const io = await startRuntime({ backend: "emulated", seed: 1, strict: true, record });
  expect(await io.run(main as () => Promise<unknown>)).toBe("ERR_NONDETERMINISM");
  await io.close();
  using recording = openRecording(record);
  const again = replayRuntime(recording, []);
  expect(await again.run(main as () => Promise<unknown>)).toBe("ERR_NONDETERMINISM");
  await again.close();
  expect(again.session!.identical).toBe(true);
});
