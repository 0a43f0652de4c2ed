/** `ioreel check`: finds the mistakes of scenarios without starting anything. */
import { isReelError, type ReelError } from "../../core/errors.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { EXIT } from "../exit-codes.ts";
import { commandLine, failureData, tellFailure } from "../failure.ts";
import { json, out, paint } from "../output.ts";
import { kindsOf } from "../scenario/kinds.ts";
import { loadScenario } from "../scenario/load.ts";
import { placedSteps } from "../scenario/placed-steps.ts";
import type { ResolvedScenario } from "../scenario/resolved.ts";
import { plural } from "../scenario/units.ts";
import { withoutVariables } from "../scenario/variables.ts";

export interface CheckFlags {
  print?: boolean;
  strict?: boolean;
  cwd?: string;
  allowPath: string[];
  json?: boolean;
}

type Checked = { file: string } & ({ scenario: ResolvedScenario } | { error: ReelError });

/** `ioreel check FILE...`. @returns the exit code */
export async function check(files: readonly string[], flags: CheckFlags): Promise<number> {
  const all: Checked[] = [];
  for (const file of files) all.push(await checkOne(file, flags));
  if (flags.json === true) json("check/v1", { files: all.map(jsonOf) });
  for (const checked of all) {
    if ("error" in checked) tellFailure(checked.error, commandLine(again(checked.file, flags)));
    else if (flags.json !== true) tell(checked.file, checked.scenario, flags.print === true);
  }
  return all.some((checked) => "error" in checked) ? EXIT.scenario : EXIT.ok;
}

/** The words of the command line that checks one file again. */
const again = (file: string, { strict }: CheckFlags): string[] =>
  strict === true ? ["check", file, "--strict"] : ["check", file];

async function checkOne(file: string, flags: CheckFlags): Promise<Checked> {
  try {
    const { scenario } = await loadScenario(file, {
      kinds: kindsOf(BUILT_IN_PROVIDERS),
      cwd: flags.cwd ?? process.cwd(),
      allowPaths: flags.allowPath,
      strict: flags.strict === true,
    });
    return { file, scenario };
  } catch (error) {
    if (isReelError(error, "ERR_SCENARIO_INVALID")) return { file, error };
    throw error;
  }
}

function jsonOf(checked: Checked): Record<string, unknown> {
  if ("scenario" in checked) return { file: checked.file, valid: true, scenario: checked.scenario };
  return { file: checked.file, valid: false, error: failureData(checked.error) };
}

function tell(file: string, scenario: ResolvedScenario, print: boolean): void {
  if (print) {
    out(`# ${file}, checked, with all defaults filled in.`);
    out((Bun.YAML.stringify(asWritten(scenario), null, 2) as string).trimEnd());
    return;
  }
  let steps = 0;
  for (const _step of placedSteps(scenario)) steps++;
  const devices = plural(Object.keys(scenario.devices).length, "device");
  const tasks = plural(Object.keys(scenario.tasks).length, "task");
  out(`${paint("green", "✓")} ${file}: ${devices}, ${tasks}, ${plural(steps, "step")}`);
}

/** The normal form as a scenario file has it: a dollar sign stands for itself in the one only. */
function asWritten(value: unknown): unknown {
  if (typeof value === "string") return withoutVariables(value);
  if (Array.isArray(value)) return value.map(asWritten);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, asWritten(part)]));
}
