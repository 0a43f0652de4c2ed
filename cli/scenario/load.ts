/**
 * Loads a scenario: reads it, checks it, and gives its normal form, with every mistake placed in
 * the file. Nothing is started here, and no input is read.
 */
import { basename, extname, resolve } from "node:path";
import { ReelError } from "../../core/errors.ts";
import { loadStrictly } from "../../core/guard/strict.ts";
import { codeFrame } from "./frame.ts";
import { findInputs, type GivenInput, type InputFiles } from "./inputs.ts";
import { Issues, pathText, type Issue, type LocatedIssue } from "./issue.ts";
import type { Kinds } from "./kinds.ts";
import { exportPlace, loadModule } from "./module-text.ts";
import { plainCopy } from "./plain.ts";
import { resolveReferences } from "./references.ts";
import type { ResolvedScenario } from "./resolved.ts";
import { scenarioSpec } from "./scenario-spec.ts";
import { fileError, readSource } from "./source-text.ts";
import { INVALID } from "./spec.ts";
import { fillVariables } from "./variables.ts";
import { parseYaml, type TextError } from "./yaml-text.ts";
import type { TextPlace, YamlPlaces } from "./yaml-places.ts";

export interface LoadOptions {
  /** The providers that devices can be of. */
  readonly kinds: Kinds;
  /** The folder that paths in the scenario are relative to, default the process's. */
  readonly cwd?: string;
  /** Files and folders outside of it that the scenario may name. */
  readonly allowPaths?: readonly string[];
  /** Values that replace those of `vars`, as text. */
  readonly set?: ReadonlyMap<string, string>;
  readonly inputs?: readonly GivenInput[];
  /** Whether a module is refused that uses what a replay cannot repeat: see docs/determinism.md. */
  readonly strict?: boolean;
}

export interface LoadedScenario {
  /** As it was named. */
  readonly path: string;
  readonly scenario: ResolvedScenario;
  /** The file of every input; `readInputs` reads them. */
  readonly inputFiles: InputFiles;
}

const MODULE = new Set([".ts", ".mts", ".js", ".mjs"]);
const YAML = new Set([".yaml", ".yml", ".json"]);

/**
 * Loads a scenario file.
 * @param path of a YAML, JSON or TypeScript file
 * @throws {ReelError} ERR_SCENARIO_INVALID, its details with file, line, column, uncounted and
 *   `issues`, which are {@link LocatedIssue}s; ERR_USAGE when `set` or `inputs` do not fit
 */
export async function loadScenario(path: string, options: LoadOptions): Promise<LoadedScenario> {
  const extension = extname(path).toLowerCase();
  if (!MODULE.has(extension) && !YAML.has(extension)) {
    const wanted = ".yaml, .yml, .json, .ts, .mts, .js or .mjs";
    throw fileError(path, `Cannot read ${path}: a scenario ends in ${wanted}`, undefined);
  }
  const text = await readSource(path);
  const isModule = MODULE.has(extension);
  const load = () => loadModule(resolve(path), text, path);
  const loadGuarded = () => (options.strict === true ? loadStrictly(load) : load());
  const value = isModule ? await loadGuarded() : await yamlValue(path, text);
  const issues = new Issues();
  const report = async (): Promise<ReelError> =>
    issuesError(path, issues, await placeIssues(path, text, issues, isModule));
  const stem = basename(path).slice(0, -extension.length);
  const scenario = resolveValue(value, options.kinds, issues, {
    stem,
    set: options.set ?? new Map(),
  });
  if (scenario === undefined) throw await report();
  const { cwd = process.cwd(), allowPaths = [], inputs = [] } = options;
  const policy = { cwd: resolve(cwd), allowPaths };
  const inputFiles = await findInputs(scenario, inputs, policy, issues);
  if (issues.any) throw await report();
  return { path, scenario, inputFiles };
}

/**
 * Checks a normal form that comes from elsewhere, such as a recording.
 * @param origin what to call it in errors
 * @throws {ReelError} ERR_SCENARIO_INVALID, without places in a text
 */
export function resolveScenario(value: unknown, kinds: Kinds, origin: string): ResolvedScenario {
  const issues = new Issues();
  const scenario = resolveValue(value, kinds, issues, { stem: "", set: undefined });
  if (scenario !== undefined) return scenario;
  const nowhere = { line: 1, column: 1, frame: "" };
  throw issuesError(
    origin,
    issues,
    issues.list.map((issue) => located(origin, issue, nowhere)),
  );
}

async function yamlValue(path: string, text: string): Promise<unknown> {
  const parsed = await parseYaml(text);
  if ("value" in parsed) return parsed.value;
  const { message, help, offset, length }: TextError = parsed.error;
  const { YamlPlaces } = await import("./yaml-places.ts");
  const { line, column, length: shown } = new YamlPlaces(text).at(offset, length);
  const frame = codeFrame(text, line, column, shown);
  throw fileError(path, message, help, { line, column, frame });
}

/** @param from `set` is undefined for a normal form, in which a dollar sign is a dollar sign */
function resolveValue(
  value: unknown,
  kinds: Kinds,
  issues: Issues,
  from: { stem: string; set: ReadonlyMap<string, string> | undefined },
): ResolvedScenario | undefined {
  const plain = plainCopy(value, issues);
  if (issues.any) return undefined;
  const filled = from.set === undefined ? plain : fillVariables(plain, from.set, issues);
  // A variable that is not there would be found again where its value is wanted.
  if (issues.any) return undefined;
  const decoded = scenarioSpec(kinds).decode(filled, [], issues);
  if (decoded === INVALID) return undefined;
  const { vars: _filledIn, ...scenario } = decoded;
  if (scenario.name === "") scenario.name = from.stem;
  resolveReferences(scenario, kinds, issues);
  return issues.any ? undefined : scenario;
}

async function placeIssues(
  path: string,
  text: string,
  issues: Issues,
  isModule: boolean,
): Promise<LocatedIssue[]> {
  let places: YamlPlaces | undefined;
  if (!isModule) {
    const { YamlPlaces } = await import("./yaml-places.ts");
    places = new YamlPlaces(text);
  }
  const found = issues.list.map((issue) => {
    const place: TextPlace = places?.find(issue.path, issue.on) ?? exportPlace(text);
    const { line, column, length } = place;
    return located(path, issue, { line, column, frame: codeFrame(text, line, column, length) });
  });
  return found.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

function located(
  file: string,
  issue: Issue,
  place: { line: number; column: number; frame: string },
): LocatedIssue {
  const path = issue.path.length === 0 ? "" : pathText(issue.path);
  return { file, path, message: issue.message, help: issue.help, ...place };
}

function issuesError(file: string, issues: Issues, list: readonly LocatedIssue[]): ReelError {
  const first = list[0]!;
  const more = list.length + issues.uncounted - 1;
  const others = more === 0 ? "" : ` (and ${more} more)`;
  return new ReelError("ERR_SCENARIO_INVALID", `${first.message}${others}`, {
    ...(first.help === undefined ? {} : { mend: first.help }),
    details: {
      file,
      line: first.line,
      column: first.column,
      issues: list,
      uncounted: issues.uncounted,
    },
  });
}
