/**
 * Strict mode of one runtime: the traps are in place from its start to its end, and armed while its
 * guest code runs. The first strict runtime of a process puts them in place and the last takes them
 * away, so a process without one pays nothing.
 */
import { setTimeZone } from "bun:jsc";
import type { Backend } from "../backend/contract.ts";
import type { BufferPool } from "../buffer/pool.ts";
import { Engine } from "../engine/engine.ts";
import type { EngineLimits } from "../engine/state.ts";
import type { Facts } from "../session/facts.ts";
import type { Executor } from "../task/executor.ts";
import { GuardedEngine } from "./guarded-engine.ts";
import { enterGuest, leaveGuest, type Guest } from "./guest.ts";
import { install, restore } from "./patches.ts";

/** Local time of a strict run, wherever it runs. */
const TIME_ZONE = "UTC";

let users = 0;
let undo: () => void = () => {};

function begin(): () => void {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  const patches = install();
  setTimeZone(TIME_ZONE);
  return () => {
    setTimeZone(timeZone);
    restore(patches);
  };
}

export class Strict implements Guest {
  readonly facts: Facts | undefined;
  #executor: Executor | undefined;
  #outer: Guest | undefined;
  #open = true;

  /** @param facts where facts of the host are recorded or come from; absent: they are trapped */
  constructor(facts: Facts | undefined) {
    this.facts = facts;
    if (users === 0) undo = begin();
    users++;
  }

  /** Arms the traps around every turn of an executor's tasks. Called once. */
  watch(executor: Executor): void {
    this.#executor = executor;
    executor.hooks.push({
      before: () => {
        this.#outer = enterGuest(this);
      },
      after: () => leaveGuest(this.#outer),
    });
  }

  who(): string | undefined {
    const task = this.#executor?.current;
    return task === undefined ? undefined : `task "${task.name}"`;
  }

  /** Takes the traps away, if no other strict runtime needs them. Idempotent. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    users--;
    if (users > 0) return;
    undo();
    undo = () => {};
  }
}

/**
 * Has a program's module loaded as guest code: what it does at its top level is trapped. The host's
 * code must do nothing else meanwhile.
 * @throws what loading throws; {@link ReelError} ERR_NONDETERMINISM
 */
export async function loadStrictly<T>(load: () => Promise<T>): Promise<T> {
  const strict = new Strict(undefined);
  const outer = enterGuest(strict);
  try {
    return await load();
  } finally {
    leaveGuest(outer);
    strict.close();
  }
}

/** The engine of a runtime, strict or not. */
export function engineOf(
  strict: Strict | undefined,
  backend: Backend,
  pool: BufferPool,
  limits: EngineLimits | undefined,
): Engine {
  if (strict === undefined) return new Engine(backend, pool, limits);
  return new GuardedEngine(strict, backend, pool, limits);
}
