/**
 * What a thread of a pool runs: it starts a runtime of its own, takes jobs until it is told to
 * close, and ends by itself. Everything that it needs to know comes with its start.
 */
import { workerData, type MessagePort } from "node:worker_threads";

import type { Provider } from "../provider/define.ts";
import type { RuntimeOptions } from "../runtime/options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { packError, type CarriedError } from "./carried-error.ts";
import type { FromThread, ThreadSetup, ToThread } from "./messages.ts";
import { ThreadJobs } from "./thread-jobs.ts";

/** The part of the package's face that a thread uses. */
interface Face {
  readonly Runtime: { start(options: RuntimeOptions): Promise<Runtime> };
}

const load = (address: string): Promise<object> => import(address) as Promise<object>;

async function main(setup: ThreadSetup): Promise<void> {
  const { port } = setup;
  const send = (message: FromThread): void => port.postMessage(message);
  let error: CarriedError | undefined;
  let io: Runtime | undefined;
  try {
    io = await start(setup);
    send({ kind: "ready", backend: io.backend, seed: io.seed });
    await serve(io, port, send);
  } catch (thrown) {
    error = packError(thrown);
  }
  send({ kind: "closed", error, session: io?.session });
  port.close();
}

async function start({ face, options, providers }: ThreadSetup): Promise<Runtime> {
  const { Runtime } = (await load(face)) as Face;
  const found: Provider[] = [];
  for (const address of providers) {
    const exported = Object.values(await load(address));
    found.push(...exported.filter((value) => isProvider(value)));
  }
  return Runtime.start({ ...options, providers: found });
}

function isProvider(value: unknown): value is Provider {
  return typeof value === "object" && value !== null && "apiVersion" in value && "kind" in value;
}

/** Runs jobs until the pool says that it is over. */
async function serve(
  io: Runtime,
  port: MessagePort,
  send: (message: FromThread) => void,
): Promise<void> {
  const closing = Promise.withResolvers<void>();
  const jobs = new ThreadJobs(io, load, send);
  port.on("message", (message: ToThread) => {
    if (message.kind === "run") jobs.take(message.job);
    else if (message.kind === "cancel") jobs.cancel(message.id);
    else closing.resolve();
  });
  try {
    // A run, so that all of the program is in tasks: idle virtual time passes at once.
    await io.run(() => io.adopt(closing.promise), { name: "pool", tasks: "cancel" });
  } finally {
    await io.close();
  }
}

await main(workerData as ThreadSetup);
