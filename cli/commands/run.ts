/** `ioreel run` and `ioreel record`: loads a scenario, runs it, and tells what happened. */
import { resolve } from "node:path";
import { ReelError } from "../../core/errors.ts";
import type { RuntimeOptions } from "../../core/runtime/options.ts";
import { Runtime } from "../../index.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { commandLine } from "../failure.ts";
import { onInterrupt } from "../interrupt.ts";
import { note } from "../output.ts";
import { keepFlight, recordPolicy, type RecordFlags } from "../record-flags.ts";
import {
  libraryId,
  noteVerdict,
  recordingRefused,
  replacedAt,
  type RecordedTo,
} from "../record-target.ts";
import { recordOptions } from "../recorded-scenario.ts";
import { jsonReporter } from "../reporters/json.ts";
import { prettyReporter } from "../reporters/pretty.ts";
import type { RunEnd, RunReporter, RunStart } from "../reporters/reporter.ts";
import { readInputs, type GivenInput } from "../scenario/inputs.ts";
import { kindsOf } from "../scenario/kinds.ts";
import { loadScenario } from "../scenario/load.ts";
import type { ScenarioReport } from "../scenario/report.ts";
import type { ResolvedScenario } from "../scenario/resolved.ts";
import { runScenario } from "../scenario/run-scenario.ts";
import { conclude } from "./conclude.ts";

/** The flags as the command line gives them. */
export interface RunFlags extends RecordFlags {
  backend?: "auto" | "uring" | "emulated";
  seed?: number;
  clock?: "virtual" | "paced";
  /** "name=value". */
  set: string[];
  /** "path" or "name=path". */
  input: string[];
  resume?: string;
  permute?: boolean;
  strict?: boolean;
  cwd?: string;
  allowPath: string[];
  quiet?: boolean;
  json?: boolean;
}

/** `ioreel record FILE RECORDING`. */
export function record(
  file: string,
  recording: string | undefined,
  flags: RunFlags,
): Promise<number> {
  return run(file, { ...flags, record: recording ?? true });
}

/** `ioreel run FILE`. @returns the exit code */
export async function run(named: string | undefined, given: RunFlags): Promise<number> {
  if (given.resume !== undefined) return goOn(named, given.resume, given);
  const { file, flags } = withScenario(named, given);
  recordPolicy(flags);
  const { inputFiles, scenario } = await loadScenario(file, {
    kinds: kindsOf(BUILT_IN_PROVIDERS),
    cwd: flags.cwd ?? process.cwd(),
    allowPaths: flags.allowPath,
    set: new Map(flags.set.map(splitSetting)),
    inputs: flags.input.map(splitInput),
    strict: flags.strict === true,
  });
  const inputs = await readInputs(inputFiles);
  const replaced = typeof flags.record === "string" ? replacedAt(flags.record) : undefined;
  const io = await Runtime.start(runtimeOptions(scenario, flags, inputs)).catch((error) => {
    throw recordingRefused(
      error,
      flags.record === undefined ? undefined : recordPath(flags.record),
    );
  });
  if (flags.clock !== undefined && io.backend === "uring") {
    note(`note: --clock ${flags.clock} has no effect on io_uring, whose clock is the real one`);
  }
  const reporter: RunReporter =
    flags.json === true ? jsonReporter() : prettyReporter({ quiet: flags.quiet === true });
  const start: RunStart = {
    scenario,
    backend: io.backend,
    clock: io.backend === "uring" ? "real" : (flags.clock ?? scenario.clock),
    seed: io.seed,
    rejected: io.rejected,
  };
  reporter.start(start);
  const release = onInterrupt(() => io.interrupt());
  let report: ScenarioReport;
  let keep = (): void => {};
  try {
    report = await runScenario(io, scenario, { inputs, onEvent: (event) => reporter.event(event) });
    if (!report.holds && flags.flight !== undefined)
      keep = keepFlight(io, recordPath(flags.record!)!);
  } finally {
    await io.close().finally(release);
    keep();
  }
  const end = endOf(start, report, io, replaced);
  reporter.end(end);
  const again = reproduceLine(file, flags, start);
  if (io.session?.failure !== undefined) {
    throw Object.assign(io.session.failure, { reproduce: again });
  }
  return conclude(end, again);
}

/** What was recorded decides: another scenario or other options would be another run. */
async function goOn(file: string | undefined, recording: string, flags: RunFlags): Promise<number> {
  const { backend, seed, clock, record: path, permute, strict, set, input } = flags;
  const given = { file, backend, seed, clock, record: path, permute, strict };
  const named = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  const wrong = named ?? (set.length > 0 ? "set" : input.length > 0 ? "input" : undefined);
  if (wrong !== undefined) {
    const what = wrong === "file" ? "a scenario" : `--${wrong}`;
    throw new ReelError("ERR_USAGE", `Cannot resume with ${what}: the recording holds its own`, {
      mend: `Leave ${what} out`,
    });
  }
  const { resume } = await import("./resume.ts");
  return resume(recording, flags);
}

/** `run --record SCENARIO` is the scenario recorded into the library: a run has to have one. */
function withScenario(
  named: string | undefined,
  given: RunFlags,
): { file: string; flags: RunFlags } {
  if (named !== undefined) return { file: named, flags: given };
  const { record: word } = given;
  if (typeof word === "string" && !word.endsWith(".reel")) {
    return { file: word, flags: { ...given, record: true } };
  }
  throw new ReelError("ERR_USAGE", "Missing required argument 'file'", {
    mend: "see ioreel run --help",
  });
}

function recordPath(record: string | true): string | undefined {
  return record === true ? undefined : resolve(record);
}

function endOf(
  start: RunStart,
  report: ScenarioReport,
  io: Awaited<ReturnType<typeof Runtime.start>>,
  replaced: string | undefined,
): RunEnd {
  const { digest, events, failure, missingPayloads, path } = io.session!;
  if (path !== undefined) noteVerdict(path, report.holds);
  const recording: RecordedTo | null =
    path === undefined || failure !== undefined
      ? null
      : {
          path,
          events,
          id: libraryId(path),
          replaced: replaced ?? null,
          ...(missingPayloads === undefined ? {} : { missingPayloads }),
        };
  return { ...start, report, digest, counters: io.counters(), recording };
}

function runtimeOptions(
  scenario: ResolvedScenario,
  flags: RunFlags,
  inputs: ReadonlyMap<string, Uint8Array>,
): Omit<RuntimeOptions, "providers"> {
  const seed = flags.seed ?? scenario.seed;
  return {
    backend: flags.backend ?? scenario.backend,
    clock: flags.clock ?? scenario.clock,
    permute: flags.permute === true,
    strict: flags.strict === true,
    settings: scenario.settings as Record<string, object>,
    ...(seed === undefined ? {} : { seed }),
    ...(flags.record === undefined
      ? { digest: true }
      : {
          record: {
            ...recordOptions(recordPath(flags.record), scenario, inputs),
            ...recordPolicy(flags),
          },
        }),
  };
}

/** The command line that comes to the same run: with the seed and the backend that this one had. */
function reproduceLine(file: string, flags: RunFlags, { backend, seed }: RunStart): string {
  const words = ["run", file, "--seed", String(seed), "--backend", backend];
  if (flags.clock !== undefined) words.push("--clock", flags.clock);
  for (const setting of flags.set) words.push("--set", setting);
  for (const input of flags.input) words.push("--input", input);
  if (flags.permute === true) words.push("--permute");
  if (flags.strict === true) words.push("--strict");
  if (flags.cwd !== undefined) words.push("--cwd", flags.cwd);
  for (const path of flags.allowPath) words.push("--allow-path", path);
  return commandLine(words);
}

function splitSetting(setting: string): [string, string] {
  const at = setting.indexOf("=");
  return [setting.slice(0, at), setting.slice(at + 1)];
}

/** "name=path" where what is before the sign can be a name; a path alone otherwise. */
function splitInput(input: string): GivenInput {
  const match = /^([A-Za-z][\w-]*)=(.*)$/s.exec(input);
  return match === null ? { path: input } : { name: match[1]!, path: match[2]! };
}
