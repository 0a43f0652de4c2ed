/**
 * Tasks on the one thread of a pool, given one after the other and each awaited. Argument: `loop`
 * for a thread with an event loop, `blocking` for one that waits in the kernel.
 */
import { isReelError, ReelError, Runtime } from "../../index.ts";
import { timed, type Subject } from "../subject.ts";

const JOBS = new URL(import.meta.url);

/** The least that a task can be. */
export function add(_io: Runtime, a: number, b: number): number {
  return a + b;
}

export default async function open(argument: string): Promise<Subject> {
  const blocking = argument === "blocking";
  const pool = await Runtime.pool({ threads: 1, backend: "uring", blocking }).catch(
    (error: unknown): never => {
      if (!isReelError(error)) throw error;
      throw new ReelError("ERR_BACKEND_UNAVAILABLE", error.message, { cause: error });
    },
  );
  const work = {
    batch: 1,
    async run(operations: number): Promise<void> {
      for (let i = 0; i < operations; i++) {
        const sum = await pool.run<number>(JOBS, "add", i, 1).join();
        if (sum !== i + 1) throw new Error(`A task came back wrong: found ${sum}, wanted ${i + 1}`);
      }
    },
    close: async () => {
      await pool.close();
    },
  };
  return timed(work, { countsWaiting: true });
}
