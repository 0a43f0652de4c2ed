/**
 * The names of connections, which steps give and which are good in their task and in those that it
 * spawns; and how a step says where to connect to.
 */
import type { ResolvedScenario, ResolvedStep } from "./resolved.ts";
import { placedSteps } from "./placed-steps.ts";

/** The kind of provider that connections are of. */
export const CONNECTION_KIND = "tcp";

/** The connection that a step opens. */
export function connectionOf(step: ResolvedStep): string | undefined {
  if ("connect" in step) return step.connect.as;
  return "accept" in step ? step.accept.as : undefined;
}

/** By task: the connections that it opens, and those of the tasks that spawn it. */
export function connectionNames(
  scenario: ResolvedScenario,
): ReadonlyMap<string, ReadonlySet<string>> {
  const opened = new Map<string, Set<string>>();
  const spawned = new Map<string, Set<string>>();
  for (const { step, task } of placedSteps(scenario)) {
    const name = connectionOf(step);
    if (name !== undefined) opened.set(task, (opened.get(task) ?? new Set()).add(name));
    if (!("spawn" in step)) continue;
    spawned.set(task, (spawned.get(task) ?? new Set()).add(step.spawn.task));
  }
  const known = new Map<string, Set<string>>();
  for (const [task, names] of opened) {
    const heirs = new Set([task]);
    // Tasks are added while they are walked.
    for (const heir of heirs) for (const next of spawned.get(heir) ?? []) heirs.add(next);
    for (const heir of heirs) {
      const all = known.get(heir) ?? new Set();
      for (const name of names) all.add(name);
      known.set(heir, all);
    }
  }
  return known;
}

/** Where a step connects to. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

const HOST_AND_PORT = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/;
const PORT_MAX = 65_535;
/** sun_path of sockaddr_un has 108 bytes with its NUL (unix(7)). */
const PATH_BYTES_MAX = 107;

/** Whether a text is meant as an address: names of devices have no colon. */
export const isAddress = (text: string): boolean => text.includes(":");

/** Reads "host:port", "[::1]:80" or "unix:/path". @returns undefined for what is none of them */
export function parseAddress(text: string): Address | undefined {
  if (text.startsWith("unix:")) {
    const path = text.slice("unix:".length);
    return path !== "" && Buffer.byteLength(path) <= PATH_BYTES_MAX ? { path } : undefined;
  }
  const match = HOST_AND_PORT.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > PORT_MAX) return undefined;
  return { host: match[1] ?? match[2]!, port };
}
