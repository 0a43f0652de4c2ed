/**
 * NOPs through descriptor, layer and promise: host code that keeps so many operations in flight
 * with `await end.perform(...)`, on Bun's event loop. Argument: operations in flight.
 */
import { startRuntime } from "../../core/runtime/start.ts";
import { timed, type Subject } from "../subject.ts";
import { nop } from "./nop-provider.ts";

export default async function open(argument: string): Promise<Subject> {
  const inFlight = Number(argument);
  const io = await startRuntime({ backend: "uring", providers: [nop], seed: 1 });
  const end = await io.open("nop");

  async function runLane(operations: number): Promise<void> {
    for (let i = 0; i < operations; i++) await end.perform("nop");
  }

  return timed({
    batch: inFlight,
    async run(operations) {
      const lanes: Promise<void>[] = [];
      for (let i = 0; i < inFlight; i++) lanes.push(runLane(operations / inFlight));
      await Promise.all(lanes);
    },
    close: () => io.close(),
  });
}
