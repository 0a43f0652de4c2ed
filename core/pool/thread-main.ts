/**
 * What a thread of a pool runs: it starts a runtime of its own, takes jobs until it is told to
 * close, and ends by itself. Everything that it needs to know comes with its start.
 */
import { receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";

import { appointHeir } from "../backend/uring/thread-exit.ts";
import type { Provider } from "../provider/define.ts";
import type { RuntimeOptions } from "../runtime/options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { packError, type CarriedError } from "./carried-error.ts";
import type { FromThread, ThreadSetup, ToThread } from "./messages.ts";
import { ThreadJobs } from "./thread-jobs.ts";
import { loadNow, loadSoon } from "./thread-load.ts";

/** The part of the package's face that a thread uses. */
interface Face {
  readonly Runtime: {
    start(options: RuntimeOptions): Promise<Runtime>;
    startBlocking(options: RuntimeOptions): Runtime;
  };
}

type Send = (message: FromThread) => void;

/** A thread that was terminated must not take along what the kernel still writes to. */
function bequeath(send: Send): void {
  const numbers = new Map<SharedArrayBuffer, number>();
  let count = 0;
  appointHeir((memory, written) => {
    const number = numbers.get(memory) ?? count++;
    if (written) numbers.set(memory, number);
    else numbers.delete(memory);
    send(written ? { kind: "memory", memory, number } : { kind: "memory free", number });
  });
}

async function main(setup: ThreadSetup): Promise<void> {
  const { port } = setup;
  const send: Send = (message) => port.postMessage(message);
  bequeath(send);
  let error: CarriedError | undefined;
  let io: Runtime | undefined;
  try {
    const face = (await import(setup.face)) as Face;
    const options = await runtimeOptions(setup);
    io = setup.blocking ? await blockingRuntime(face, options) : await face.Runtime.start(options);
    const marks = "record" in options;
    if (listens(io)) serveBlocking(io, port, send, marks);
    else await serve(io, port, send, marks);
  } catch (thrown) {
    error = packError(thrown);
  }
  await io?.close().catch((thrown: unknown) => {
    error ??= packError(thrown);
  });
  send({ kind: "closed", error, session: io?.session });
  port.close();
}

async function runtimeOptions({ options, providers }: ThreadSetup): Promise<RuntimeOptions> {
  const found: Provider[] = [];
  for (const address of providers) {
    const exported = Object.values((await import(address)) as object);
    found.push(...exported.filter((value) => isProvider(value)));
  }
  return { ...options, providers: found };
}

function isProvider(value: unknown): value is Provider {
  return typeof value === "object" && value !== null && "apiVersion" in value && "kind" in value;
}

/** A runtime whose waiting polls other threads can end; else one that has the event loop. */
async function blockingRuntime({ Runtime }: Face, options: RuntimeOptions): Promise<Runtime> {
  const io = Runtime.startBlocking(options);
  const { backend } = io.engine.state;
  if (backend.listen?.(() => {}) !== undefined) return io;
  await io.close();
  return Runtime.start(options);
}

function listens({ engine }: Runtime): boolean {
  return engine.state.backend.listening === true;
}

/** Runs jobs until the pool says that it is over. */
async function serve(io: Runtime, port: MessagePort, send: Send, marks: boolean): Promise<void> {
  const jobs = new ThreadJobs(io, loadSoon, send, { marks });
  port.on("message", (message: ToThread) => jobs.hear(message));
  send({ kind: "ready", backend: io.backend, seed: io.seed, bell: undefined });
  // A run, so that all of the program is in tasks: idle virtual time passes at once.
  await io.run(() => jobs.untilClosed(), { name: "pool", tasks: "cancel" });
}

/** The same without an event loop: whatever there is to wait for, it waits for in the kernel. */
function serveBlocking(io: Runtime, port: MessagePort, send: Send, marks: boolean): void {
  const { backend } = io.engine.state;
  const jobs = new ThreadJobs(io, loadNow, send, { marks });
  const next = (): ToThread | undefined =>
    (receiveMessageOnPort(port) as { message: ToThread } | undefined)?.message;
  const hear = (): void => {
    for (let message = next(); message !== undefined; message = next()) jobs.hear(message);
  };
  const bell = backend.listen!(hear);
  send({ kind: "ready", backend: io.backend, seed: io.seed, bell });
  try {
    // What was said before anybody knew of the bell.
    hear();
    io.runBlocking(() => jobs.untilClosed(), { name: "pool", tasks: "cancel" });
  } finally {
    backend.listen!(undefined);
  }
}

await main(workerData as ThreadSetup);
