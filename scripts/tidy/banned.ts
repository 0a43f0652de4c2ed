/**
 * What code may not contain, what to use instead, and where each is at home. The list is data: an
 * entry is one rule.
 */
import type { Finding, TidyFile } from "./files.ts";
import { lineAt } from "./source.ts";

export interface Ban {
  rule: string;
  /** What it is called in the message. */
  name: string;
  /** Matches the code with comments and strings blanked. */
  pattern: RegExp;
  /** What to use instead: completes "use …". */
  use: string;
  /** Whether a path is a place where this belongs. */
  allowed: (path: string) => boolean;
}

const isTest = (path: string): boolean => /\.(?:test|fixture|program)\.ts$/.test(path);
const isUnder = (path: string, ...folders: string[]): boolean =>
  folders.some((folder) => path.startsWith(`${folder}/`));
/** Programs around the runtime: they measure, wait and print for people. */
const isTool = (path: string): boolean => isUnder(path, "bench", "scripts", ".ci");
/** What a person starts, and what may therefore print and decide when to end. */
const isProgram = (path: string): boolean =>
  isTest(path) || isTool(path) || isUnder(path, "cli", "examples");

/** Tests of the guard use what it traps. */
const testsGuard = (path: string): boolean => isTest(path) && isUnder(path, "core/guard");
const isClock = (path: string): boolean => path === "core/clock.ts" || testsGuard(path);
const isRandom = (path: string): boolean => path === "core/random.ts" || testsGuard(path);

/** A global that only the clock may call; tests and tools are allowed where `alsoIn` says so. */
function time(name: string, use: string, alsoIn: (path: string) => boolean): Ban {
  const pattern = new RegExp(`(?<![\\w$#.])(?:globalThis\\.)?${name.replace(".", "\\.")}\\b`, "g");
  return { rule: "time", name, pattern, use, allowed: (path) => isClock(path) || alsoIn(path) };
}

export const BANS: readonly Ban[] = [
  time("Date.now", "hostWallMs() of core/clock.ts", () => false),
  time("performance.now", "hostMonotonicNs() of core/clock.ts", isTool),
  time("Bun.nanoseconds", "hostMonotonicNs() of core/clock.ts", (path) => isTool(path)),
  time("setTimeout", "hostAfter() of core/clock.ts, or a timer of the runtime", () => false),
  time("setInterval", "a timer of the runtime", () => false),
  time("setImmediate", "hostSoon() of core/clock.ts", () => false),
  // A test may have to let real time pass; nothing else sleeps beside the runtime's clock.
  time("Bun.sleep", "sleep() of the runtime", (path) => isTest(path) || isTool(path)),
  time("Bun.sleepSync", "sleep() of the runtime", (path) => isTest(path) || isTool(path)),
  {
    rule: "time",
    name: "new Date()",
    pattern: /\bnew\s+Date\s*\(\s*\)/g,
    use: "hostWallMs() of core/clock.ts",
    allowed: isClock,
  },
  {
    rule: "random",
    name: "Math.random",
    pattern: /\bMath\.random\b/g,
    use: "Random of core/random.ts",
    allowed: isRandom,
  },
  {
    rule: "random",
    name: "crypto entropy",
    pattern: /(?<![\w$])(?:crypto|webcrypto|Bun)\.(?:getRandomValues|random\w+)/g,
    use: "Random or hostSeed() of core/random.ts",
    allowed: isRandom,
  },
  {
    rule: "print",
    name: "console",
    pattern: /(?<![\w$#.])console\.\w+/g,
    use: "a ReelError, a result or a reporter",
    // Tests, and the suites that are tests for others, say loudly what they skip.
    allowed: (path) => isProgram(path) || isUnder(path, "core/testing"),
  },
  {
    rule: "print",
    name: "writing to the process's streams",
    pattern: /\bprocess\.(?:stdout|stderr)\b/g,
    use: "a ReelError, a result or a reporter",
    allowed: isProgram,
  },
  {
    rule: "exit",
    name: "process.exit",
    pattern: /\bprocess\.exit\b/g,
    use: "a thrown error: only programs decide when to end",
    allowed: isProgram,
  },
  {
    rule: "transaction",
    name: "an async transaction callback",
    pattern: /\btransaction\s*\(\s*async\b/g,
    use: "a synchronous callback: drizzle commits an async one before it has run",
    allowed: () => false,
  },
  {
    rule: "only",
    name: "a narrowed or silenced test",
    pattern: /\b(?:test|it|describe)\.(?:only|skip|todo)\b/g,
    use: "test.skipIf() with a loud reason",
    // The contract suite shows a subject's declared deviations as skipped, with their reasons.
    allowed: (path) => isUnder(path, "core/testing"),
  },
  {
    rule: "suppress",
    name: "as any",
    pattern: /\bas\s+any\b/g,
    use: "a type",
    allowed: () => false,
  },
];

/** Finds what the list bans in one file. */
export function checkBanned(file: TidyFile, bans: readonly Ban[] = BANS): Finding[] {
  const { source } = file;
  if (source === undefined) return [];
  const findings: Finding[] = [];
  for (const ban of bans) {
    if (ban.allowed(file.path)) continue;
    for (const match of source.code.matchAll(ban.pattern)) {
      const line = lineAt(source, match.index);
      const message = `${ban.name} is banned, use ${ban.use}`;
      findings.push({ path: file.path, line, rule: ban.rule, message });
    }
  }
  return findings;
}
