/** A task that awaits emulated interrupts, one after the other: register, device, line, layer. */
import { startRuntime } from "../../core/runtime/start.ts";
import { timed, type Subject } from "../subject.ts";
import { pulse } from "./pulse-provider.ts";

export default async function open(): Promise<Subject> {
  const io = await startRuntime({ backend: "emulated", providers: [pulse], seed: 1 });
  const end = await io.open("pulse");
  const work = {
    batch: 1,
    run: (operations: number) =>
      io.run(async () => {
        for (let i = 0; i < operations; i++) await end.perform("beat");
      }),
    close: () => io.close(),
  };
  return timed(work, { steps: false });
}
