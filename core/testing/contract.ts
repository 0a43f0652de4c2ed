/**
 * The contract suite: what holds for every provider on every backend, whoever wrote it. Give it
 * your test runner and tell it about the provider:
 *
 *     import { describe, test } from "bun:test";
 *     import { providerContract } from "ioreel/testing";
 *     providerContract({ describe, test }, { provider, waiting: { … }, exercise: … });
 *
 * A backend that this machine does not have is skipped by name. A test that does not apply is
 * listed under `deviations` with its reason, and shows as skipped.
 */
import { cancelRules } from "./rules-cancel.ts";
import { lifeRules } from "./rules-life.ts";
import { limitRules } from "./rules-limits.ts";
import { sessionRules } from "./rules-session.ts";
import { stateRules } from "./rules-state.ts";
import { whyUnavailable, type BackendName } from "./harness.ts";
import type { ContractOptions, ContractSubject, TestRunner } from "./subject.ts";

export type { ContractOptions, ContractSubject, OpenedEnds, TestRunner } from "./subject.ts";

/** One rule: a title, and a body that throws when the provider breaks it. */
export interface Rule {
  title: string;
  /** Backends on which the rule makes sense; default both. */
  only?: BackendName;
  /** Whether the rule is for such a provider there; default always. */
  applies?(subject: ContractSubject, backend: BackendName): boolean;
  body(subject: ContractSubject, backend: BackendName): Promise<void>;
}

const RULES: readonly Rule[] = [
  ...lifeRules,
  ...cancelRules,
  ...limitRules,
  ...stateRules,
  ...sessionRules,
];

/**
 * Declares the suite's tests.
 * @throws {RangeError} when a deviation names a test that does not exist
 */
export function providerContract(
  runner: TestRunner,
  subject: ContractSubject,
  options: ContractOptions = {},
): void {
  const { provider } = subject;
  const deviations = new Map((options.deviations ?? []).map((each) => [each.test, each.reason]));
  for (const title of deviations.keys()) {
    if (!RULES.some((rule) => rule.title === title)) {
      throw new RangeError(`Cannot deviate from "${title}": the suite has no such test`);
    }
  }
  const backends = options.backends ?? driversOf(subject);
  for (const backend of backends) {
    const threaded = backend === "uring" && subject.uring?.completions === "thread";
    const where = threaded ? "uring with a completion thread" : backend;
    runner.describe(`${provider.kind} on ${where}`, () => {
      for (const rule of RULES) {
        if (rule.only !== undefined && rule.only !== backend) continue;
        if (rule.applies?.(subject, backend) === false) continue;
        const reason = deviations.get(rule.title);
        if (reason !== undefined) {
          runner.test.skip(`${rule.title} (deviates: ${reason})`, async () => {});
          continue;
        }
        runner.test(rule.title, async () => {
          const missing = await whyUnavailable(backend, subject.uring);
          if (missing !== undefined) {
            console.warn(`SKIPPED on ${where}: ${rule.title}: ${missing}`);
            return;
          }
          await rule.body(subject, backend);
        });
      }
    });
  }
}

function driversOf(subject: ContractSubject): BackendName[] {
  const names: BackendName[] = ["emulated", "uring"];
  return names.filter((name) => subject.provider[name] !== undefined);
}
