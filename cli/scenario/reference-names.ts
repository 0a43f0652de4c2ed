/** What a scenario declares, by name: what its steps and expectations may refer to. */
import { didYouMean } from "../suggest.ts";
import { listed, pathText, show, type Issues, type Path } from "./issue.ts";
import { endsWith, type KindDescription, type Kinds } from "./kinds.ts";
import { blockOf, type ResolvedScenario, type ResolvedStep } from "./resolved.ts";

/** A step and where it stands. */
export interface PlacedStep {
  readonly step: ResolvedStep;
  readonly path: Path;
  /** The task that carries it out. */
  readonly task: string;
  /** The locks that are held around it, outermost first. */
  readonly held: readonly string[];
  /** How many blocks it stands in. */
  readonly depth: number;
  /** How often one run of the task carries it out. */
  readonly times: number;
}

/** All steps, blocks before what is in them. */
export function* placedSteps(scenario: ResolvedScenario): Generator<PlacedStep> {
  for (const [task, steps] of Object.entries(scenario.tasks)) {
    const outside = { task, held: [], depth: 0, times: 1 };
    yield* inBlock(steps, ["tasks", task], outside);
  }
}

type Surroundings = Pick<PlacedStep, "task" | "held" | "depth" | "times">;

function* inBlock(
  steps: readonly ResolvedStep[],
  path: Path,
  around: Surroundings,
): Generator<PlacedStep> {
  for (const [position, step] of steps.entries()) {
    const place = [...path, position];
    yield { step, path: place, ...around };
    const block = blockOf(step);
    if (block === undefined) continue;
    const verb = "with" in step ? "with" : "repeat";
    const held = "with" in step ? [...around.held, step.with.lock] : around.held;
    const times = "repeat" in step ? around.times * step.repeat.times : around.times;
    const inside = { task: around.task, held, times, depth: around.depth + 1 };
    yield* inBlock(block, [...place, verb, "do"], inside);
  }
}

/** Looks names up, and notes those that do not exist. */
export class Names {
  readonly tasks: readonly string[];
  /** Tasks, and the names under which steps spawn them. */
  readonly instances: readonly string[];
  readonly #scenario: ResolvedScenario;
  readonly #kinds: Kinds;
  readonly #issues: Issues;
  readonly #kept = new Set<string>();

  constructor(scenario: ResolvedScenario, kinds: Kinds, issues: Issues) {
    this.#scenario = scenario;
    this.#kinds = kinds;
    this.#issues = issues;
    this.tasks = Object.keys(scenario.tasks);
    const instances = new Set(this.tasks);
    for (const { step } of placedSteps(scenario)) {
      if ("spawn" in step && step.spawn.as !== undefined) instances.add(step.spawn.as);
      const keeps = "read" in step ? step.read.as : "copy" in step ? step.copy.as : undefined;
      if (keeps !== undefined) this.#kept.add(keeps);
    }
    this.instances = [...instances];
  }

  /** What steps keep with `as`. */
  get kept(): ReadonlySet<string> {
    return this.#kept;
  }

  lock(found: string, path: Path): void {
    this.#oneOf("lock", found, this.#scenario.locks, path);
  }

  task(found: string, path: Path): void {
    this.#oneOf("task", found, this.tasks, path);
  }

  instance(found: string, path: Path): void {
    this.#oneOf("task", found, this.instances, path);
  }

  /** Bytes that are there as such: inputs, and what steps keep. */
  content(found: string, path: Path): void {
    this.#oneOf("input or kept bytes", found, this.#contents(), path);
  }

  /** Bytes of which at least the checksum is known. */
  bytes(found: string, path: Path): void {
    const totals = this.instances.flatMap((task) => [`${task}.read`, `${task}.written`]);
    this.#oneOf("bytes", found, [...this.#contents(), ...totals], path);
  }

  /**
   * The end of a device on which an operation can be started.
   * @param found "device" or "device.end"
   * @returns "device.end", or undefined after noting why there is none
   */
  end(found: string, operation: "read" | "write", path: Path): string | undefined {
    const device = this.#device(found, path);
    if (device === undefined) return undefined;
    const { kind, name, end } = device;
    const able = endsWith(kind, operation);
    if (end !== undefined) {
      if (able.includes(end)) return found;
      const message = `${pathText(path)} cannot ${operation} on ${show(found)}`;
      const wanted =
        able.length === 0 ? `a ${kind.kind} has no such end` : `wanted ${listed(able)}`;
      this.#issues.add(path, `${message}: ${wanted}`, this.#endHelp(name, end, able));
      return undefined;
    }
    if (able.length === 1) return `${name}.${able[0]}`;
    const choices = able.map((word) => `${name}.${word}`);
    const message =
      able.length === 0
        ? `${pathText(path)} cannot ${operation} on ${show(found)}: a ${kind.kind} has no such end`
        : `${pathText(path)} must name the end of ${show(found)}: wanted ${listed(choices)}`;
    this.#issues.add(path, message);
    return undefined;
  }

  /**
   * All ends that "device" or "device.end" means, the last of the definition first.
   * @returns undefined after noting why there is none
   */
  ends(found: string, path: Path): string[] | undefined {
    const device = this.#device(found, path);
    if (device === undefined) return undefined;
    const { kind, name, end } = device;
    const all = Object.keys(kind.ends);
    if (end === undefined) return all.toReversed().map((word) => `${name}.${word}`);
    if (all.includes(end)) return [found];
    const message = `${pathText(path)} names no end of a ${kind.kind}: found ${show(end)}`;
    this.#issues.add(path, `${message}, wanted ${listed(all)}`, this.#endHelp(name, end, all));
    return undefined;
  }

  /** The one end of a timer. */
  timer(found: string, path: Path): string | undefined {
    const device = this.#device(found, path);
    if (device === undefined) return undefined;
    if (device.kind.kind === "timer") return this.end(found, "read", path);
    const message = `${pathText(path)} names a ${device.kind.kind}: found ${show(found)}`;
    this.#issues.add(path, `${message}, wanted a device of the kind timer`);
    return undefined;
  }

  #device(
    found: string,
    path: Path,
  ): { kind: KindDescription; name: string; end: string | undefined } | undefined {
    const dot = found.indexOf(".");
    const name = dot === -1 ? found : found.slice(0, dot);
    if (!this.#oneOf("device", name, Object.keys(this.#scenario.devices), path)) return undefined;
    const kind = this.#kinds.get(this.#scenario.devices[name]!.kind)!;
    return { kind, name, end: dot === -1 ? undefined : found.slice(dot + 1) };
  }

  #endHelp(device: string, found: string, able: readonly string[]): string | undefined {
    const help = didYouMean(found, able);
    if (help !== undefined) return help.replace('"', `"${device}.`);
    return able.length === 1 ? `write "${device}.${able[0]}"` : undefined;
  }

  #contents(): string[] {
    return [...Object.keys(this.#scenario.inputs), ...this.#kept];
  }

  #oneOf(what: string, found: string, known: readonly string[], path: Path): boolean {
    if (known.includes(found)) return true;
    const wanted = known.length === 0 ? "the scenario declares none" : `wanted ${listed(known)}`;
    const message = `${pathText(path)} names no ${what}: found ${show(found)}, ${wanted}`;
    this.#issues.add(path, message, didYouMean(found, known));
    return false;
  }
}
