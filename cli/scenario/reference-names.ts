/** What a scenario declares, by name: what its steps and expectations may refer to. */
import { didYouMean } from "../../core/suggest.ts";
import { listed, pathText, show, type Issues, type Path } from "./issue.ts";
import { endsWith, type KindDescription, type Kinds } from "./kinds.ts";
import { CONNECTION_KIND, connectionNames } from "./connection-names.ts";
import { placedSteps } from "./placed-steps.ts";
import type { ResolvedDevice, ResolvedScenario } from "./resolved.ts";

/** Looks names up, and notes those that do not exist. */
export class Names {
  readonly tasks: readonly string[];
  /** Tasks, and the names under which steps spawn them. */
  readonly instances: readonly string[];
  readonly #scenario: ResolvedScenario;
  readonly #kinds: Kinds;
  readonly #issues: Issues;
  readonly #kept = new Set<string>();
  /** Connections by the task that can use them. */
  readonly #connections: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(scenario: ResolvedScenario, kinds: Kinds, issues: Issues) {
    this.#scenario = scenario;
    this.#kinds = kinds;
    this.#issues = issues;
    this.tasks = Object.keys(scenario.tasks);
    const instances = new Set(this.tasks);
    for (const { step } of placedSteps(scenario)) {
      if ("spawn" in step && step.spawn.as !== undefined) instances.add(step.spawn.as);
      if ("accept" in step && step.accept.do !== undefined) instances.add(step.accept.as);
      const keeps = "read" in step ? step.read.as : "copy" in step ? step.copy.as : undefined;
      if (keeps !== undefined) this.#kept.add(keeps);
    }
    this.instances = [...instances];
    this.#connections = connectionNames(scenario);
  }

  /** What steps keep with `as`. */
  get kept(): ReadonlySet<string> {
    return this.#kept;
  }

  get devices(): readonly string[] {
    return Object.keys(this.#scenario.devices);
  }

  /** Whether there is a provider that connections can be of. */
  get canConnect(): boolean {
    return this.#kinds.has(CONNECTION_KIND);
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
   * The end of a device or a connection on which an operation can be started.
   * @param found "device", "device.end" or a connection
   * @param task whose connections there are
   * @returns "device.end", or undefined after noting why there is none
   */
  end(found: string, operation: string, path: Path, task: string): string | undefined {
    const device = this.#device(found, path, task);
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
   * All ends that "device", "device.end" or a connection means, the last of the definition first.
   * @returns undefined after noting why there is none
   */
  ends(found: string, path: Path, task: string): string[] | undefined {
    const device = this.#device(found, path, task);
    if (device === undefined) return undefined;
    const { kind, name, end } = device;
    const all = Object.keys(kind.ends);
    if (end === undefined) return all.toReversed().map((word) => `${name}.${word}`);
    if (all.includes(end)) return [found];
    const message = `${pathText(path)} names no end of a ${kind.kind}: found ${show(end)}`;
    this.#issues.add(path, `${message}, wanted ${listed(all)}`, this.#endHelp(name, end, all));
    return undefined;
  }

  /** The end of a device that accepts connections. */
  listener(found: string, path: Path): string | undefined {
    const device = this.#device(found, path, "");
    if (device === undefined) return undefined;
    const { listening, role } = this.#scenario.devices[device.name]!;
    // Other kinds may accept without being told to.
    const able = device.kind.kind !== CONNECTION_KIND || role === "listen" || listening === true;
    if (able && endsWith(device.kind, "accept").length > 0) {
      return this.end(found, "accept", path, "");
    }
    const message = `${pathText(path)} names no listener: found ${show(found)}`;
    this.#issues.add(path, `${message}, wanted a device with the role listen`);
    return undefined;
  }

  /** The one end of a timer. */
  timer(found: string, path: Path): string | undefined {
    const device = this.#device(found, path, "");
    if (device === undefined) return undefined;
    if (device.kind.kind === "timer") return this.end(found, "read", path, "");
    const message = `${pathText(path)} names a ${device.kind.kind}: found ${show(found)}`;
    this.#issues.add(path, `${message}, wanted a device of the kind timer`);
    return undefined;
  }

  #device(
    found: string,
    path: Path,
    task: string,
  ): { kind: KindDescription; name: string; end: string | undefined } | undefined {
    const dot = found.indexOf(".");
    const name = dot === -1 ? found : found.slice(0, dot);
    const end = dot === -1 ? undefined : found.slice(dot + 1);
    const { devices } = this.#scenario;
    const connections = this.#connections.get(task) ?? new Set();
    const what = connections.size === 0 ? "device" : "device or connection";
    if (!this.#oneOf(what, name, [...Object.keys(devices), ...connections], path)) return undefined;
    const device: ResolvedDevice | undefined = Object.hasOwn(devices, name)
      ? devices[name]
      : undefined;
    const kind = this.#kinds.get(device?.kind ?? CONNECTION_KIND);
    return kind === undefined ? undefined : { kind, name, end };
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
