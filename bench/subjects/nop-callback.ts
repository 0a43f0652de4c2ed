/**
 * NOPs through descriptor, layer and callback: the engine's own start with one settler for all
 * operations and one request object, so that nothing is allocated. Argument: operations in flight.
 */
import { startRuntime } from "../../core/runtime/start.ts";
import { timed, type Subject } from "../subject.ts";
import { concurrentDriver } from "./drive.ts";
import { nop } from "./nop-provider.ts";

export default async function open(argument: string): Promise<Subject> {
  const inFlight = Number(argument);
  const io = await startRuntime({ backend: "uring", providers: [nop], seed: 1 });
  const opened = await io.open("nop");
  const { engine } = io;
  const end = engine.state.ends.require(opened.handle, "nop");
  return timed({
    batch: inFlight,
    run: concurrentDriver(engine, end, inFlight),
    close: () => io.close(),
  });
}
