/**
 * Servers under load: a server on one processor, a C client that loads it on another. Both stay for
 * the whole run and are idle while the others have their turns. The client measures: messages and
 * their times on its side, and the server's processor time from outside, the same way for all.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { WAITED_MAX } from "./comparable.ts";
import { LineProcess } from "./line-process.ts";
import { sharedPeer, type Peer } from "./peers/build.ts";
import type { Effort, Sampler, Unavailable } from "./samplers.ts";
import type { Sample } from "./subject.ts";
import type { LoadPlan, ServerPlan } from "./topic.ts";

const ROOT = join(import.meta.dir, "..");

/** Before each window runs this share of it, which is not measured. */
const WARM_UP_SHARE = 0.25;
/** A window is taken again when the processors moved apart or together by more than this. */
const MOVED_MAX = 1.6;
/** So often, and then it is taken as it is. */
const TRIES = 2;

/** What ran, for the record, and how to end it. */
interface Command {
  readonly words: string[];
  readonly builtWith?: string;
  remove(): void;
}

/** The processors that this process may use: 0-1,4 -> [0, 1, 4]. */
function processors(): number[] {
  const status = readFileSync("/proc/self/status", "latin1");
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? "0";
  return list.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number) as [number, number?];
    return Array.from({ length: last! - first + 1 }, (_, i) => first + i);
  });
}

const pinned = (processor: number, words: readonly string[]): string[] => [
  "taskset",
  "--cpu-list",
  String(processor),
  ...words,
];

function fromPeer(peer: Peer | string, words: readonly string[]): Command | string {
  if (typeof peer === "string") return peer;
  const { path, builtWith } = peer;
  return { words: [path, ...words], builtWith, remove: () => peer.remove() };
}

/** Node runs no TypeScript: it gets the server as one file of JavaScript. */
async function forNode(script: string, words: readonly string[]): Promise<Command | string> {
  if (Bun.which("node") === null) return "There is no node on this machine: install Node 20";
  const folder = mkdtempSync(join(tmpdir(), "ioreel-peer-"));
  await Bun.build({ entrypoints: [script], outdir: folder, target: "node", naming: "peer.mjs" });
  const version = Bun.spawnSync(["node", "--version"]).stdout.toString().trim();
  return {
    words: ["node", join(folder, "peer.mjs"), ...words],
    builtWith: `node ${version}`,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function commandOf(plan: ServerPlan): Promise<Command | string> {
  const { from, words } = plan;
  if (from === "c") return fromPeer(sharedPeer(plan.file), words);
  if (!(await Bun.file(plan.file).exists())) return `There is no ${relative(ROOT, plan.file)} yet`;
  if (from === "node") return forNode(plan.file, words);
  const flags = plan.flags ?? [];
  return { words: [process.execPath, ...flags, plan.file, ...words], remove() {} };
}

/** A server that is ready. */
interface Server {
  readonly process: LineProcess;
  readonly port: number;
  readonly command: Command;
}

async function startServer(
  name: string,
  plan: ServerPlan,
  processor: number,
): Promise<Server | string> {
  const command = await commandOf(plan);
  if (typeof command === "string") return command;
  const process = new LineProcess(name, pinned(processor, command.words));
  try {
    const opened = await process.answer<{ port: number } | { unavailable: string }>();
    if ("port" in opened) return { process, port: opened.port, command };
    await process.close();
    command.remove();
    return opened.unavailable;
  } catch (error) {
    process.kill();
    command.remove();
    throw error;
  }
}

/** A server and its client, of which each has a processor. */
export class Pair {
  readonly server: LineProcess;
  readonly client: LineProcess;
  readonly builtWith: string | undefined;
  readonly #commands: readonly Command[];

  private constructor(server: Server, client: LineProcess, command: Command) {
    this.server = server.process;
    this.client = client;
    this.builtWith = server.command.builtWith;
    this.#commands = [server.command, command];
  }

  /**
   * Starts both.
   * @returns a sentence that says what is missing on this machine, and how to get it
   */
  static async open(name: string, plan: LoadPlan): Promise<Pair | string> {
    const [first, ...others] = processors();
    const last = others.at(-1);
    if (last === undefined) return "A server and its client need two processors";
    if (Bun.which("taskset") === null) {
      return "There is no taskset on this machine: apt-get install -y util-linux";
    }
    const peer = sharedPeer(plan.client);
    if (typeof peer === "string") return peer;
    const server = await startServer(name, plan.server, first!);
    if (typeof server === "string") {
      peer.remove();
      return server;
    }
    const words = [String(server.port), String(server.process.pid), ...plan.words];
    const command = fromPeer(peer, words) as Command;
    const client = new LineProcess(`${name} (its client)`, pinned(last, command.words));
    const pair = new Pair(server, client, command);
    try {
      const ready = await client.answer<{ unavailable?: string }>();
      if (ready.unavailable === undefined) return pair;
      await pair.close();
      return ready.unavailable;
    } catch (error) {
      pair.kill();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.server.close();
    this.#remove();
  }

  kill(): void {
    this.client.kill();
    this.server.kill();
    this.#remove();
  }

  #remove(): void {
    for (const command of this.#commands) command.remove();
  }
}

/** Whether the machine did the same throughout a window, and nothing else, as far as is known. */
function isSteady({ waited, distances }: Sample): boolean {
  const [before, after] = distances!;
  return waited <= WAITED_MAX && Math.max(before, after) <= MOVED_MAX * Math.min(before, after);
}

/** Opens a server under load: a sample is a window in which its client keeps it busy. */
export async function openLoad(
  name: string,
  plan: LoadPlan,
  effort: Effort,
): Promise<Sampler | Unavailable> {
  const pair = await Pair.open(name, plan);
  if (typeof pair === "string") return { name, unavailable: pair };
  const { client, builtWith } = pair;
  const warmUpMs = Math.ceil(effort.sampleMs * WARM_UP_SHARE);
  const window = (): Promise<Sample> => client.ask(`run ${warmUpMs} ${effort.sampleMs}`);
  try {
    await client.ask(`open ${plan.open}`);
    await client.ask(`run ${effort.warmUpMs} ${effort.sampleMs}`);
  } catch (error) {
    pair.kill();
    throw error;
  }
  return {
    name,
    unit: plan.unit,
    operations: undefined,
    ...(builtWith === undefined ? {} : { builtWith }),
    async sample() {
      let best = await window();
      for (let tries = 1; tries < TRIES && !isSteady(best); tries++) {
        const again = await window();
        if (isSteady(again) || again.waited < best.waited) best = again;
      }
      return best;
    },
    distribution: async () => undefined,
    close: () => pair.close(),
    kill: () => pair.kill(),
  };
}
