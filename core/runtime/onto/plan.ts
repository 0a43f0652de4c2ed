/**
 * Whether and how what a session opened can be opened again elsewhere. Goes by the names that
 * options have in common: `image` is a file of the host's, `role` says what a connection is for.
 */
import { resolve } from "node:path";
import { ReelError } from "../../errors.ts";
import type { Provider } from "../../provider/define.ts";
import { connectionsOf, type Connection } from "./connections.ts";
import type { LoggedEnd, LoggedOpen, OperationLog } from "./log.ts";

export interface PlanOptions {
  readonly backend: "uring" | "emulated";
  readonly providers: readonly Provider[];
  /** What to open in place of recorded images and socket paths. */
  readonly redirect: ReadonlyMap<string, string>;
  /** Whether recorded images may be written to. */
  readonly inPlace: boolean;
  /** Hosts of the recorded session's emulated network. */
  readonly hosts: readonly string[];
}

export interface Plan {
  readonly log: OperationLog;
  readonly connections: ReadonlyMap<LoggedOpen, Connection>;
  /** The ends that are one stream with an end, itself among them. */
  readonly joined: (end: LoggedEnd) => readonly LoggedEnd[];
  /** What to open with; a connection's port is that of its listener by then. */
  readonly options: ReadonlyMap<LoggedOpen, Readonly<Record<string, unknown>>>;
}

/** Where those are reached that listen on all addresses. */
const NEAREST: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/**
 * @throws {ReelError} ERR_UNSUPPORTED naming everything that cannot be done again; ERR_USAGE when
 *   files of the host's would be written to that nobody has allowed
 */
export function makePlan(log: OperationLog, options: PlanOptions): Plan {
  const opens = log.entries.filter((entry) => entry.what === "open");
  const refusals: string[] = [];
  const files: string[] = [];
  const redirects = new Redirects(options.redirect);
  const planned = new Map<LoggedOpen, Readonly<Record<string, unknown>>>();
  for (const open of opens) {
    const why = whyNot(open, options);
    if (why !== undefined) refusals.push(`${open.label}: ${why}`);
    planned.set(open, optionsFor(open, options.inPlace, redirects, files));
  }
  const { connections, peers } = connectionsOf(log, opens, refusals);
  if (refusals.length > 0) {
    const text = `Cannot re-issue the session on ${options.backend}: ${refusals.join("; ")}`;
    throw new ReelError("ERR_UNSUPPORTED", text, {
      mend: "Leave out of the recorded session what cannot be done again",
      details: { refusals },
    });
  }
  redirects.requireAllTaken();
  if (files.length > 0) {
    const list = [...new Set(files)].join(", ");
    throw new ReelError("ERR_USAGE", `Cannot re-issue the session: it may write to ${list}`, {
      mend: `Give a copy by --redirect ${files[0]}=COPY, or allow it by --in-place`,
      details: { files: [...new Set(files)] },
    });
  }
  const joined = (end: LoggedEnd): readonly LoggedEnd[] => {
    const own = end.from.what === "open" ? end.from.ends : [end];
    const peer = peers.get(end);
    return peer === undefined ? own : [...own, peer];
  };
  return { log, connections, joined, options: planned };
}

/** What is opened in place of recorded paths, and whether each was of use. */
class Redirects {
  readonly #targets = new Map<string, string>();
  readonly #unused = new Set<string>();
  readonly #opened = new Set<string>();

  constructor(given: ReadonlyMap<string, string>) {
    for (const [from, to] of given) {
      this.#targets.set(resolve(from), to);
      this.#unused.add(resolve(from));
    }
  }

  take(path: string): string | undefined {
    const from = resolve(path);
    this.#opened.add(path);
    this.#unused.delete(from);
    return this.#targets.get(from);
  }

  /** @throws {ReelError} ERR_USAGE for a path that the session did not open */
  requireAllTaken(): void {
    const [unused] = this.#unused;
    if (unused === undefined) return;
    const opened = [...this.#opened].join(", ");
    throw new ReelError("ERR_USAGE", `Cannot redirect ${unused}: the session did not open it`, {
      mend: opened === "" ? "It opened no files: redirect none" : `It opened ${opened}`,
    });
  }
}

function whyNot({ kind, options }: LoggedOpen, to: PlanOptions): string | undefined {
  const provider = to.providers.find((each) => each.kind === kind);
  if (provider?.[to.backend] === undefined) return `${kind} has no driver for ${to.backend}`;
  const { from, host, role } = options;
  if (role === "network") return "it changes the emulated network, by time and not by operations";
  if (role === "adopt") return "it was a descriptor from outside the session";
  const named = [host, from].find((name) => to.hosts.includes(name as string));
  if (to.backend === "uring" && named !== undefined) {
    return `the host ${JSON.stringify(named)} is one of the emulated network`;
  }
  return undefined;
}

/** @param files gets the files of the host's that may be written to without leave */
function optionsFor(
  open: LoggedOpen,
  inPlace: boolean,
  redirects: Redirects,
  files: string[],
): Readonly<Record<string, unknown>> {
  const { host, image, path, readOnly, role } = open.options;
  if (typeof image === "string" && image !== "") {
    const to = redirects.take(image);
    if (to === undefined && readOnly !== true && !inPlace) files.push(image);
    return { ...open.options, image: to ?? image };
  }
  if (role === undefined) return open.options;
  if (typeof path === "string" && path !== "") {
    const to = redirects.take(path);
    if (to === undefined && role === "listen" && !inPlace) files.push(path);
    return { ...open.options, path: to ?? path };
  }
  // Only the session's own connections come, so a free port near by is as good as the recorded one.
  const near = NEAREST[host as string] ?? host;
  return role === "listen" ? { ...open.options, host: near, port: 0 } : open.options;
}
