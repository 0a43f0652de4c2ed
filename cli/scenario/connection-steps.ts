/** The steps that make connections and end them: `connect`, `accept` and `end`. */
import { isReelError } from "../../core/errors.ts";
import type { OpenEnd } from "../../core/runtime/open-end.ts";
import { CONNECTION_KIND, isAddress, parseAddress, type Address } from "./connection-names.ts";
import { listed } from "./issue.ts";
import type { ResolvedAccept, ResolvedConnect } from "./resolved.ts";
import { shownEnd, type ScenarioRun } from "./scenario-run.ts";
import type { TaskRun } from "./task-run.ts";
import { plural } from "./units.ts";

/** The longest text of a socket's name: a path, or an address and a port. */
const NAME_BYTES_MAX = 160;
/** Who listens on all addresses is reached on the nearest. */
const NEAREST: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Each step returns what happened, as one line. */
export async function connect(
  run: ScenarioRun,
  task: TaskRun,
  step: ResolvedConnect,
): Promise<string> {
  task.requireFreeName(step.as);
  const address = isAddress(step.to)
    ? parseAddress(step.to)!
    : await addressOf(run.end(step.to, task));
  const opened = await run.io.open(CONNECTION_KIND, {
    ...address,
    role: "connect",
    connectTimeoutNs: step.timeoutNs,
    ...(step.from === undefined ? {} : { from: step.from }),
  });
  task.own(step.as, opened);
  const from = step.from === undefined ? "" : ` from ${step.from}`;
  return `connected ${step.as}${from} to ${shownEnd(step.to)}`;
}

/** Where others reach a listener. */
async function addressOf(listener: OpenEnd): Promise<Address> {
  const bytes = new Uint8Array(new ArrayBuffer(NAME_BYTES_MAX));
  const length = await listener.perform("name", bytes);
  const [family, first = "", port] = new TextDecoder().decode(bytes.subarray(0, length)).split(" ");
  if (family === "unix") return { path: first };
  return { host: NEAREST[first] ?? first, port: Number(port) };
}

/** @param body what a task does that is started for a connection */
export async function accept(
  run: ScenarioRun,
  task: TaskRun,
  step: ResolvedAccept,
  body: (task: TaskRun) => Promise<void>,
): Promise<string> {
  const { as, from } = step;
  const listener = run.end(from, task);
  if (step.do === undefined) {
    task.requireFreeName(as);
    task.own(as, run.io.end(await listener.perform("accept")));
    return `accepted ${as} on ${shownEnd(from)}`;
  }
  const limit = step.times ?? Number.POSITIVE_INFINITY;
  let accepted = 0;
  for (; accepted < limit; accepted++) {
    task.checkpoint();
    const connection = await nextConnection(run, listener, step);
    if (connection === undefined) break;
    run.startAnother(as, step.do, body, task).own(as, connection);
  }
  return `accepted ${plural(accepted, "connection")} on ${shownEnd(from)}`;
}

/** @returns undefined when a step has closed the listener of those who take all that come */
async function nextConnection(
  run: ScenarioRun,
  listener: OpenEnd,
  { from, times }: ResolvedAccept,
): Promise<OpenEnd | undefined> {
  try {
    return run.io.end(await listener.perform("accept"));
  } catch (error) {
    const cancelled = isReelError(error, "ERR_CANCELLED");
    if (times === undefined && !cancelled && run.closed.has(from)) return undefined;
    throw error;
  }
}

export async function end(
  run: ScenarioRun,
  task: TaskRun,
  step: { ends: readonly string[] },
): Promise<string> {
  for (const name of step.ends) await run.end(name, task).perform("end");
  return `ended ${listed(step.ends.map(shownEnd))}`;
}
