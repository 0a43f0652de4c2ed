/** `ioreel run` and `ioreel record`: loads a scenario, runs it, and tells what happened. */
import { resolve } from "node:path";
import { ReelError } from "../../core/errors.ts";
import type { RuntimeOptions } from "../../core/runtime/options.ts";
import { Runtime } from "../../index.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { commandLine } from "../failure.ts";
import { note } from "../output.ts";
import { endOf, perform } from "../perform.ts";
import { keepFlight, recordPolicy, type RecordFlags } from "../record-flags.ts";
import { recordingRefused, replacedAt } from "../record-target.ts";
import { recordOptions } from "../recorded-scenario.ts";
import type { RunStart } from "../reporters/reporter.ts";
import { readInputs, type GivenInput } from "../scenario/inputs.ts";
import { kindsOf } from "../scenario/kinds.ts";
import { loadScenario } from "../scenario/load.ts";
import type { ResolvedScenario } from "../scenario/resolved.ts";
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
  const start: RunStart = {
    scenario,
    backend: io.backend,
    clock: io.backend === "uring" ? "real" : (flags.clock ?? scenario.clock),
    seed: io.seed,
    rejected: io.rejected,
  };
  const { report, reporter } = await perform(io, start, inputs, flags, (done) => {
    const isKept = !done.holds && flags.flight !== undefined;
    return isKept ? keepFlight(io, recordPath(flags.record!)!) : undefined;
  });
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
  const { mode, flight, durable, payload, redact } = flags;
  const run = { file, backend, seed, clock, permute, strict, set: set[0], input: input[0] };
  const recorded = { record: path, mode, flight, durable, payload, redact: redact[0] };
  const given = Object.entries({ ...run, ...recorded });
  const wrong = given.find(([, value]) => value !== undefined)?.[0];
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
