/**
 * The program that soak-kill.ts kills: pipes, sleeps and seeded luck, so that what happens next
 * depends on all that happened before. After some steps it marks the session, and then says through
 * its output which mark: that mark, and all before it, must be found again.
 *
 * Arguments: the plan of a run as JSON.
 */
import { writeSync } from "node:fs";
import { Runtime, us } from "../index.ts";
import type { RecordOptions } from "../index.ts";

export interface Plan {
  readonly backend: "uring" | "emulated";
  readonly seed: number;
  /** How the session is recorded; the program does not know. */
  readonly record: RecordOptions;
  /** Largest transfer. */
  readonly bytesMax: number;
  readonly steps: number;
}

/** What a program needs to know of its plan: two of the same run the same. */
export type ProgramPlan = Pick<Plan, "bytesMax" | "steps">;

const MARK_EVERY = 4;
const SLEEP_SHARE = 0.05;

/** @param marked called when a mark is in the session, with its number */
export async function program(
  io: Runtime,
  { bytesMax, steps }: ProgramPlan,
  marked: (number: number) => void,
): Promise<void> {
  await io.run(async () => {
    const { reader, writer } = await io.open("pipe");
    const source = new Uint8Array(bytesMax + 1);
    io.random.fill(source);
    io.spawn(async () => {
      for (let step = 0; step < steps; step++) {
        await writer.write(source.subarray(0, 1 + io.random.below(bytesMax)));
        if (io.random.chance(SLEEP_SHARE)) await io.sleep(us(1 + io.random.below(200)));
      }
      await writer.close();
    });
    for (let step = 0; ; step++) {
      const bytes = await reader.read(1 + io.random.below(bytesMax));
      if (bytes.length === 0) break;
      if (step % MARK_EVERY > 0) continue;
      const mark = step / MARK_EVERY;
      io.mark(`step ${mark}`);
      marked(mark);
    }
    await reader.close();
  });
}

if (import.meta.main) {
  const plan = JSON.parse(process.argv[2]!) as Plan;
  const { backend, record, seed } = plan;
  await using io = await Runtime.start({ backend, seed, record });
  await program(io, plan, (mark) => writeSync(1, `${mark}\n`));
  // Who is to be killed does not end by itself.
  await io.close();
  writeSync(1, "done\n");
}
