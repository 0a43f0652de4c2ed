/** What tests of scenarios share: texts loaded from a folder that goes away, and their mistakes. */
import { afterAll } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isReelError } from "../../core/errors.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import type { LocatedIssue } from "./issue.ts";
import { kindsOf } from "./kinds.ts";
import { loadScenario, type LoadedScenario, type LoadOptions } from "./load.ts";

export const kinds = kindsOf(BUILT_IN_PROVIDERS);

/** A new folder, deleted after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-scenario-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Loads a text as a file of a folder. */
export function loadText(
  folder: string,
  text: string,
  options: Partial<LoadOptions> = {},
  name = "scenario.yaml",
): Promise<LoadedScenario> {
  const file = join(folder, name);
  writeFileSync(file, text);
  return loadScenario(file, { kinds, cwd: folder, ...options });
}

/** The mistakes of a text: "line:column message (help)". */
export async function mistakes(folder: string, text: string): Promise<string[]> {
  try {
    await loadText(folder, text);
  } catch (error) {
    if (!isReelError(error, "ERR_SCENARIO_INVALID")) throw error;
    return (error.details["issues"] as LocatedIssue[]).map(
      ({ column, help, line, message }) =>
        `${line}:${column} ${message}${help === undefined ? "" : ` (${help})`}`,
    );
  }
  throw new Error("the scenario has no mistakes");
}
