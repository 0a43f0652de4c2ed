/**
 * How a recording holds the scenario that it was made of: the normal form beside the options, and
 * the inputs as attachments. Whoever records and whoever replays goes by this file.
 */
import { ReelError, isReelError } from "../core/errors.ts";
import type { RecordOptions } from "../core/runtime/options.ts";
import type { Recording } from "../core/session/recording.ts";
import type { Kinds } from "./scenario/kinds.ts";
import { resolveScenario } from "./scenario/load.ts";
import type { ResolvedScenario } from "./scenario/resolved.ts";

/** Names of attachments that hold a scenario's input files. */
const INPUT_PREFIX = "input:";

/** What to record of a scenario beside what happens. */
export function recordOptions(
  path: string | undefined,
  scenario: ResolvedScenario,
  inputs: ReadonlyMap<string, Uint8Array>,
): RecordOptions {
  const attachments = new Map([...inputs].map(([name, bytes]) => [INPUT_PREFIX + name, bytes]));
  return { path, program: { kind: "scenario", scenario }, attachments };
}

export interface RecordedScenario {
  readonly scenario: ResolvedScenario;
  readonly inputs: ReadonlyMap<string, Uint8Array>;
}

/**
 * The scenario and the inputs of a recording, checked like those of a file.
 * @param file what the recording is called in errors
 * @throws {ReelError} ERR_INCOMPATIBLE_RECORDING when it was made by a program, or by a scenario
 *   that this release or these providers cannot run; ERR_CORRUPT_RECORDING without its inputs
 */
export function recordedScenario(
  recording: Recording,
  file: string,
  kinds: Kinds,
): RecordedScenario {
  const { program } = recording.info.options as {
    program?: { kind?: unknown; scenario?: unknown } | null;
  };
  if (program?.kind !== "scenario") {
    throw new ReelError(
      "ERR_INCOMPATIBLE_RECORDING",
      `Cannot replay ${file}: it was recorded by a program, not by a scenario`,
      { mend: "Run that program on Runtime.replay(openRecording(file))" },
    );
  }
  const scenario = resolvedFrom(program.scenario, file, kinds);
  const inputs = new Map<string, Uint8Array>();
  for (const name of Object.keys(scenario.inputs)) {
    const content = recording.attachment(INPUT_PREFIX + name);
    if (content === undefined) {
      const message = `Cannot replay ${file}: it does not hold the input ${name} of its scenario`;
      throw new ReelError("ERR_CORRUPT_RECORDING", message, { mend: "Record the session again" });
    }
    inputs.set(name, content);
  }
  return { scenario, inputs };
}

function resolvedFrom(value: unknown, file: string, kinds: Kinds): ResolvedScenario {
  try {
    return resolveScenario(value, kinds, file);
  } catch (error) {
    if (!isReelError(error, "ERR_SCENARIO_INVALID")) throw error;
    throw new ReelError(
      "ERR_INCOMPATIBLE_RECORDING",
      `Cannot replay ${file}: this release cannot run its scenario: ${error.message}`,
      { mend: "Replay it with the release and the providers that recorded it", cause: error },
    );
  }
}
