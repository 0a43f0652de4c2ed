/**
 * Resolves the names in a scenario: devices to their ends, and everything else to what is declared.
 * Also finds what cannot come to a good end: a lock taken twice, a task that waits for itself or
 * never starts, repeats that multiply beyond all bounds.
 */
import { pathText, show, type Issues, type Path } from "./issue.ts";
import type { Kinds } from "./kinds.ts";
import { BLOCK_DEPTH_MAX, STEPS_MAX, STEPS_RUN_MAX } from "./limits.ts";
import { isAddress, parseAddress } from "./connection-names.ts";
import { placedSteps, type PlacedStep } from "./placed-steps.ts";
import { Names } from "./reference-names.ts";
import { spawnedTasks, type ResolvedScenario } from "./resolved.ts";
import { NAME_PATTERN } from "./spec.ts";

const nameForm = new RegExp(NAME_PATTERN);

/** Checks and resolves; the scenario's ends are written out in full afterwards. */
export function resolveReferences(scenario: ResolvedScenario, kinds: Kinds, issues: Issues): void {
  const { backend } = scenario;
  const names = new Names(scenario, kinds, issues);
  checkDeclarations(scenario, names, issues);
  let steps = 0;
  const runs = new Map<string, number>();
  for (const placed of placedSteps(scenario)) {
    if (++steps > STEPS_MAX) {
      issues.add(placed.path, `The scenario has more than ${STEPS_MAX} steps`);
      return;
    }
    resolveStep(placed, names, issues);
    if (backend === "uring") checkEmulated(placed, issues);
    checkDepth(placed, issues);
    const times = (runs.get(placed.task) ?? 0) + placed.times;
    if (times > STEPS_RUN_MAX && (runs.get(placed.task) ?? 0) <= STEPS_RUN_MAX) {
      const message = `Task ${show(placed.task)} carries out more than ${STEPS_RUN_MAX} steps`;
      issues.add(placed.path, message, "repeat less often");
    }
    runs.set(placed.task, times);
  }
  checkExpectations(scenario, names, issues);
  checkStarts(scenario, issues);
}

function checkDeclarations(scenario: ResolvedScenario, names: Names, issues: Issues): void {
  for (const [position, lock] of scenario.locks.entries()) {
    const path = ["locks", position];
    checkName(lock, path, issues);
    if (scenario.locks.indexOf(lock) === position) continue;
    issues.add(path, `${pathText(path)} declares ${show(lock)} a second time`);
  }
  for (const input of Object.keys(scenario.inputs)) {
    if (!names.kept.has(input)) continue;
    const message = `The input ${show(input)} has the name of bytes that a step keeps`;
    issues.add(["inputs", input], message, "give one of them another name", "key");
  }
  if (Object.keys(scenario.tasks).length === 0) {
    issues.add(["tasks"], "tasks must name at least one task: found none");
  }
}

function checkName(found: string, path: Path, issues: Issues): void {
  if (nameForm.test(found)) return;
  issues.wanted(path, 'a letter, then letters, digits, "_" and "-"', found);
}

/** What only the emulated machine can do. */
function checkEmulated({ path, step }: PlacedStep, issues: Issues): void {
  let what: string;
  if ("network" in step) what = "changes the emulated network";
  else if ("eject" in step || "insert" in step) what = "changes the medium of an emulated drive";
  else return;
  const message = `${pathText(path)} ${what}: found backend uring`;
  issues.add(path, message, "write `backend: emulated`");
}

function checkDepth({ path, depth }: PlacedStep, issues: Issues): void {
  if (depth !== BLOCK_DEPTH_MAX + 1) return;
  issues.add(path, `Blocks must be nested at most ${BLOCK_DEPTH_MAX} deep: found one more`);
}

function resolveStep(placed: PlacedStep, names: Names, issues: Issues): void {
  const { path, step, task } = placed;
  if ("write" in step) {
    const at = [...path, "write"];
    step.write.to = names.end(step.write.to, "write", [...at, "to"], task) ?? step.write.to;
    if (step.write.from !== undefined) names.content(step.write.from, [...at, "from"]);
  } else if ("read" in step || "copy" in step) {
    const verb = "read" in step ? "read" : "copy";
    const transfer = "read" in step ? step.read : step.copy;
    const at = [...path, verb];
    transfer.from = names.end(transfer.from, "read", [...at, "from"], task) ?? transfer.from;
    if (transfer.as !== undefined) checkName(transfer.as, [...at, "as"], issues);
    if ("copy" in step) {
      step.copy.to = names.end(step.copy.to, "write", [...at, "to"], task) ?? step.copy.to;
    }
  } else if ("tick" in step) {
    step.tick.of = names.timer(step.tick.of, [...path, "tick", "of"]) ?? step.tick.of;
  } else if ("checksum" in step) {
    const { of, is } = step.checksum;
    names.bytes(of, [...path, "checksum", "of"]);
    if (is !== undefined && !isSha256(is)) names.bytes(is, [...path, "checksum", "is"]);
  } else if ("compare" in step) {
    for (const [i, value] of step.compare.values.entries()) {
      names.bytes(value, [...path, "compare", "values", i]);
    }
  } else {
    resolveConnection(placed, names, issues);
  }
}

function resolveConnection(placed: PlacedStep, names: Names, issues: Issues): void {
  const { path, step, task } = placed;
  if ("flush" in step) {
    const at = [...path, "flush", "devices"];
    const { devices } = step.flush;
    step.flush.devices = devices.map(
      (end, i) => names.end(end, "flush", endPath(at, devices, i), task) ?? end,
    );
  } else if ("discard" in step) {
    const at = [...path, "discard", "of"];
    step.discard.of = names.end(step.discard.of, "discard", at, task) ?? step.discard.of;
  } else if ("eject" in step) {
    const at = [...path, "eject", "devices"];
    const { devices } = step.eject;
    step.eject.devices = devices.map(
      (end, i) => names.end(end, "eject", endPath(at, devices, i), task) ?? end,
    );
  } else if ("insert" in step) {
    const at = [...path, "insert", "into"];
    step.insert.into = names.end(step.insert.into, "insert", at, task) ?? step.insert.into;
  } else if ("close" in step) {
    const at = [...path, "close", "ends"];
    const { ends } = step.close;
    step.close.ends = ends.flatMap(
      (end, i) => names.ends(end, endPath(at, ends, i), task) ?? [end],
    );
  } else if ("end" in step) {
    const at = [...path, "end", "ends"];
    const { ends } = step.end;
    step.end.ends = ends.map((end, i) => names.end(end, "end", endPath(at, ends, i), task) ?? end);
  } else if ("connect" in step) {
    const at = [...path, "connect"];
    checkConnectionName(step.connect.as, [...at, "as"], names, issues);
    if (!names.canConnect) issues.add(at, `${pathText(at)} needs a provider of the kind tcp`);
    const { to } = step.connect;
    if (!isAddress(to)) step.connect.to = names.listener(to, [...at, "to"]) ?? to;
    else if (parseAddress(to) === undefined) {
      const wanted = 'a listener\'s name, "host:port", "[address]:port" or "unix:/path"';
      issues.wanted([...at, "to"], wanted, to);
    }
  } else if ("accept" in step) {
    const at = [...path, "accept"];
    const { as, from } = step.accept;
    checkConnectionName(as, [...at, "as"], names, issues);
    if (step.accept.do !== undefined && names.tasks.includes(as)) {
      const message = `${pathText([...at, "as"])} must be a name of its own`;
      issues.add([...at, "as"], `${message}: found that of the task ${show(as)}`);
    }
    step.accept.from = names.listener(from, [...at, "from"]) ?? from;
  } else {
    resolveFlow(placed, names, issues);
  }
}

function checkConnectionName(found: string, path: Path, names: Names, issues: Issues): void {
  checkName(found, path, issues);
  if (!names.devices.includes(found)) return;
  const message = `${pathText(path)} must be a name of its own: found that of the device`;
  issues.add(path, `${message} ${show(found)}`);
}

/** A list of one is often written without the list: then the place is the list's. */
function endPath(at: Path, list: readonly unknown[], position: number): Path {
  return list.length === 1 ? at : [...at, position];
}

function resolveFlow(placed: PlacedStep, names: Names, issues: Issues): void {
  const { held, path, runner, step } = placed;
  if ("with" in step) {
    const at = [...path, "with", "lock"];
    names.lock(step.with.lock, at);
    if (!held.includes(step.with.lock)) return;
    const message = `${pathText(at)} takes ${show(step.with.lock)} while the task holds it`;
    issues.add(at, message, "it would wait for itself for ever");
  } else if ("spawn" in step) {
    const { as } = step.spawn;
    names.task(step.spawn.task, [...path, "spawn", "task"]);
    if (as === undefined) return;
    const at = [...path, "spawn", "as"];
    checkName(as, at, issues);
    if (!names.tasks.includes(as)) return;
    issues.add(at, `${pathText(at)} must be a name of its own: found that of the task ${show(as)}`);
  } else if ("join" in step || "cancel" in step) {
    const verb = "join" in step ? "join" : "cancel";
    const list = "join" in step ? step.join.tasks : [step.cancel.task];
    const key = "join" in step ? "tasks" : "task";
    for (const [i, found] of list.entries()) {
      const at = endPath([...path, verb, key], list, i);
      names.instance(found, at);
      if (found === runner)
        issues.add(at, `${pathText(at)} names the task itself: found ${show(found)}`);
    }
  }
}

export function isSha256(text: string): boolean {
  return /^[0-9a-f]{64}$/i.test(text);
}

function checkExpectations(scenario: ResolvedScenario, names: Names, issues: Issues): void {
  for (const [task, expected] of Object.entries(scenario.expect.tasks)) {
    const path = ["expect", "tasks", task];
    names.instance(task, path);
    if (expected.error === undefined || expected.outcome === "failed") continue;
    const message = `${pathText(path)}.error belongs to the outcome failed`;
    issues.add([...path, "error"], `${message}: found ${expected.outcome ?? "no outcome"}`);
  }
  for (const [i, group] of scenario.expect.sameBytes.entries()) {
    for (const [j, value] of group.entries()) names.bytes(value, ["expect", "sameBytes", i, j]);
  }
}

/** Every task has to be started by somebody who is. */
function checkStarts(scenario: ResolvedScenario, issues: Issues): void {
  const spawned = spawnedTasks(scenario);
  const spawners = new Map<string, string[]>();
  for (const { step, task } of placedSteps(scenario)) {
    if ("spawn" in step) spawners.set(task, [...(spawners.get(task) ?? []), step.spawn.task]);
  }
  const starting = Object.keys(scenario.tasks).filter((task) => !spawned.has(task));
  const reached = new Set(starting);
  for (let task = starting.pop(); task !== undefined; task = starting.pop()) {
    for (const next of spawners.get(task) ?? []) {
      if (reached.has(next)) continue;
      reached.add(next);
      starting.push(next);
    }
  }
  for (const task of Object.keys(scenario.tasks)) {
    if (reached.has(task)) continue;
    const message = `Task ${show(task)} never starts: only tasks that never start spawn it`;
    issues.add(["tasks", task], message, undefined, "key");
  }
}
