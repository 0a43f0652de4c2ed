/**
 * Starts a completion thread and takes over the ring that it opens. The calling thread waits for
 * it, so that a backend opens in one call, whoever enters its ring.
 */
import { MessageChannel, Worker, receiveMessageOnPort } from "node:worker_threads";

import { CompletionThread } from "./completion-thread.ts";
import type { CompletionThreadAnswer, CompletionThreadTask } from "./completion-thread-main.ts";
import { ThreadedRing } from "./completion-thread-ring.ts";
import { STATE, WORD, tellEnd } from "./completion-thread-words.ts";
import type { Obstacle } from "./obstacles.ts";
import { openRing } from "./open-ring.ts";
import type { NoRing, WorkingRing } from "./open-ring.ts";
import type { UringFaults, UringSettings } from "./options.ts";
import type { BatchClock } from "./ring-core.ts";
import { ERRNO, codeOfResult } from "../../errors.ts";

const ENTRY = new URL("./completion-thread-main.ts", import.meta.url);
/** Starting a thread takes some ten milliseconds; one that takes this long never starts. */
const START_MS_MAX = 10_000;

/** Opens a ring that is entered by whom the settings say, and tries it out. */
export function openAnyRing(settings: UringSettings, clock: BatchClock): WorkingRing | NoRing {
  if (settings.completions === "loop") return openRing(settings, clock);
  const found = openThreadedRing(settings, clock);
  return "obstacle" in found && settings.completions === "auto" ? openRing(settings, clock) : found;
}

/** Opens a ring in a thread of its own and tries it out. */
export function openThreadedRing(settings: UringSettings, clock: BatchClock): WorkingRing | NoRing {
  const words = new Int32Array(new SharedArrayBuffer(WORD.COUNT * 4));
  const { port1, port2 } = new MessageChannel();
  const task: CompletionThreadTask = {
    words,
    port: port2,
    // What is simulated in this thread cannot be sent to another.
    settings: { ...settings, memory: "shared", faults: plain(settings.faults) },
  };
  const worker = new Worker(ENTRY, { workerData: task, transferList: [port2] });
  worker.unref();
  const exited = new Promise<void>((resolve) => worker.on("exit", () => resolve()));
  // It says so itself, unless it was ended by force.
  void exited.then(() => tellEnd(words));
  // A defect in the thread shows as a ring that is gone, in the next call; nobody else listens.
  worker.on("error", () => {});
  Atomics.wait(words, WORD.STATE, STATE.STARTING, START_MS_MAX);
  const answer = receiveMessageOnPort(port1)?.message as CompletionThreadAnswer | undefined;
  port1.close();
  if (answer === undefined) return refusal(NOT_STARTED);
  if ("obstacle" in answer) {
    return { ...answer, ring: undefined, obstacle: obstacleOf(answer) };
  }
  const thread = new CompletionThread(words, worker, exited, answer.ring.fd);
  const memory = { ...answer.ring.memory, release: () => {} };
  const register = (operation: number, address: number, count: number): number =>
    thread.call(operation, address, count);
  const ring = { ...answer.ring, memory, register };
  const core = new ThreadedRing(ring, settings.slots, settings.faults, clock, thread);
  const { opcodes, cancel } = answer;
  const close = (): void => {
    core.forget();
    thread.stop();
  };
  return { ring, core, opcodes, cancel, thread, close };
}

function plain({ enter: _enter, resolver: _resolver, ...faults }: UringFaults): UringFaults {
  return faults;
}

const NOT_STARTED: Obstacle = {
  code: "ERR_UNSUPPORTED",
  found: `no answer of the completion thread within ${START_MS_MAX} ms`,
  wanted: "a thread that opens the ring",
  mend: "Leave completions to the loop",
  fatal: true,
};

/** A kernel that refuses the ring's memory says EINVAL, as it does to any unknown flag. */
function obstacleOf(answer: CompletionThreadAnswer & { obstacle: Obstacle }): Obstacle {
  if (answer.obstacle.code !== codeOfResult(-ERRNO.EINVAL)) return answer.obstacle;
  return {
    code: "ERR_UNSUPPORTED",
    found: answer.obstacle.found,
    wanted: "a ring in memory of the program's (IORING_SETUP_NO_MMAP)",
    mend: "Use Linux 6.5 or newer, or leave completions to the loop",
    fatal: true,
  };
}

function refusal(obstacle: Obstacle): NoRing {
  return { obstacle, ring: undefined, opcodes: undefined, refused: [] };
}
