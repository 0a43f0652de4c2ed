/** The step that changes the emulated network, and the device that takes its commands. */
import { ReelError, isReelError } from "../../core/errors.ts";
import type { Network, Runtime } from "../../index.ts";
import { placedSteps } from "./placed-steps.ts";
import type { ResolvedNetwork, ResolvedScenario } from "./resolved.ts";
import type { ScenarioRun } from "./scenario-run.ts";
import { formatDuration, formatSize } from "./units.ts";

/** Whether a scenario changes the network, so that there has to be one. */
export function changesNetwork(scenario: ResolvedScenario): boolean {
  for (const { step } of placedSteps(scenario)) if ("network" in step) return true;
  return false;
}

/** @throws {ReelError} ERR_UNSUPPORTED where the network is the machine's own */
export async function openNetwork(io: Runtime): Promise<Network> {
  try {
    return await io.network();
  } catch (error) {
    if (!isReelError(error, "ERR_UNSUPPORTED")) throw error;
    const message = `Cannot change the network on ${io.backend}: it is the machine's own`;
    throw new ReelError("ERR_UNSUPPORTED", message, {
      mend: "Write `backend: emulated` in the scenario, or run it with --backend emulated",
      cause: error,
    });
  }
}

/** @returns what happened, as one line */
export async function changeNetwork(run: ScenarioRun, step: ResolvedNetwork): Promise<string> {
  const network = run.network!;
  if ("partition" in step) {
    const [a, b] = step.partition as [string, string];
    await network.partition(a, b);
    return `parted ${a} and ${b}`;
  }
  if ("heal" in step) {
    if (step.heal === "all") {
      await network.heal();
      return "healed all partitions";
    }
    const [a, b] = step.heal as [string, string];
    await network.heal(a, b);
    return `healed the partition of ${a} and ${b}`;
  }
  if ("clog" in step) {
    const [a, b] = step.clog as [string, string];
    await network.clog(a, b);
    return `clogged the link of ${a} and ${b}`;
  }
  if ("unclog" in step) {
    const [a, b] = step.unclog as [string, string];
    await network.unclog(a, b);
    return `unclogged the link of ${a} and ${b}`;
  }
  const { between, ...conditions } = step.link;
  const [a, b] = between as [string, string];
  await network.link(a, b, conditions);
  const list = Object.entries(conditions).map(([name, value]) => describe(name, value));
  return `set the link of ${a} and ${b}: ${list.join(", ")}`;
}

function describe(name: string, value: number): string {
  if (name.endsWith("Ns")) return `${name.slice(0, -"Ns".length)} ${formatDuration(value)}`;
  if (name.endsWith("Rate")) return `${name.slice(0, -"Rate".length)} rate ${value}`;
  return `bandwidth ${formatSize(value)} a second`;
}
