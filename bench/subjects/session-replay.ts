/**
 * Strict replays of a recorded session, compared event by event. Argument: the backend of the
 * session: on `uring` its operations are NOPs, 256 in flight, and the replay has no ring; on
 * `emulated` the machine does it all again, one interrupt after the other.
 */
import { replayRuntime, startRuntime } from "../../core/runtime/start.ts";
import type { Engine } from "../../core/engine/engine.ts";
import { openRecording } from "../../core/session/recording.ts";
import { timed, type Subject } from "../subject.ts";
import { concurrentDriver, sequentialDriver } from "./drive.ts";
import { nop } from "./nop-provider.ts";
import { pulse } from "./pulse-provider.ts";
import { recordingFolder } from "./session-folder.ts";

const OPERATIONS = 131_072;
const IN_FLIGHT = 256;

const BACKENDS = {
  uring: {
    provider: nop,
    operation: "nop",
    driver: (engine: Engine, end: number) => concurrentDriver(engine, end, IN_FLIGHT),
  },
  emulated: {
    provider: pulse,
    operation: "beat",
    driver: (engine: Engine, end: number) => sequentialDriver(engine, end, 0),
  },
};

type Io = Awaited<ReturnType<typeof startRuntime>>;

export default async function open(argument: string): Promise<Subject> {
  const backend = argument as keyof typeof BACKENDS;
  const { driver, operation, provider } = BACKENDS[backend];
  const folder = recordingFolder();

  /** The program, which is the same each time. */
  async function run(io: Io): Promise<void> {
    const { handle } = await io.open(provider.kind);
    const { engine } = io;
    driver(engine, engine.state.ends.require(handle, operation))(OPERATIONS);
    await io.close();
  }

  async function replay(): Promise<void> {
    using recording = openRecording(folder.path);
    const io = replayRuntime(recording, [provider]);
    await run(io as unknown as Io);
    const { failure, identical } = io.session!;
    if (identical !== true) throw failure ?? new Error("The replay differs from the recording");
  }

  const options = { backend, providers: [provider], seed: 1, record: folder.path } as const;
  await run((await startRuntime(options)) as unknown as Io);
  return timed(
    {
      batch: OPERATIONS,
      async run(operations) {
        for (let done = 0; done < operations; done += OPERATIONS) await replay();
      },
      close: () => folder.remove(),
    },
    { steps: false },
  );
}
