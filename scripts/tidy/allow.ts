/**
 * The exceptions that the project makes to its own rules, each with its reason. An entry that no
 * longer excuses anything is an error itself, so that the list only ever shrinks by itself.
 */
import type { Finding } from "./files.ts";

export interface Allowance {
  rule: string;
  /** A file, or a folder that ends in a slash. */
  path: string;
  reason: string;
}

export const ALLOWED: readonly Allowance[] = [
  {
    rule: "name",
    path: "core/session/store/migrations/",
    reason: "drizzle-kit names and reads these files",
  },
  {
    rule: "file-lines",
    path: "core/engine/cancel.test.ts",
    reason: "one table of every kind of wait against every way of ending it",
  },
  {
    rule: "function-lines",
    path: "core/engine/mixed-driver.fixture.ts",
    reason: "a list of nine small layers that share one driver's locks and queues",
  },
];

const covers = (allowance: Allowance, finding: Finding): boolean =>
  allowance.rule === finding.rule &&
  (allowance.path === finding.path ||
    (allowance.path.endsWith("/") && finding.path.startsWith(allowance.path)));

/**
 * Takes the allowed findings away.
 * @returns the rest, and a finding for each allowance that excused nothing
 */
export function applyAllowances(
  findings: readonly Finding[],
  allowances: readonly Allowance[] = ALLOWED,
): Finding[] {
  const used = new Set<Allowance>();
  const rest = findings.filter((finding) => {
    const allowance = allowances.find((candidate) => covers(candidate, finding));
    if (allowance !== undefined) used.add(allowance);
    return allowance === undefined;
  });
  for (const allowance of allowances) {
    if (used.has(allowance)) continue;
    const { rule, path } = allowance;
    const message = `the allowance of "${rule}" for ${path} excuses nothing, delete it`;
    rest.push({ path: "scripts/tidy/allow.ts", line: 1, rule: "allowance", message });
  }
  return rest;
}
