/** `ioreel session import`: a log of fio's or a packet capture becomes a scenario. */
import { statSync } from "node:fs";
import { isReelError, ReelError } from "../../../core/errors.ts";
import { BUILT_IN_PROVIDERS } from "../../../providers/index.ts";
import { isSameFile, writeFileWhole } from "../../file-sink.ts";
import { CAPTURE_BYTES_MAX, readCapture } from "../../import/capture.ts";
import { FIO_LOG_BYTES_MAX, readFioLog } from "../../import/fio-log.ts";
import { fioScenario, type DiskKind } from "../../import/fio-scenario.ts";
import { refuseImport } from "../../import/mistake.ts";
import { pcapScenario } from "../../import/pcap-scenario.ts";
import { out } from "../../output.ts";
import { kindsOf } from "../../scenario/kinds.ts";
import { FILE_BYTES_MAX } from "../../scenario/limits.ts";
import { resolveScenario } from "../../scenario/load.ts";
import { parseYaml } from "../../scenario/yaml-text.ts";

export interface ImportFlags {
  from: "fio" | "pcap";
  disk: DiskKind;
}

export async function importSession(
  file: string,
  target: string,
  flags: ImportFlags,
): Promise<number> {
  if (!/\.ya?ml$/i.test(target)) {
    throw new ReelError("ERR_USAGE", `Cannot write ${target}: a scenario ends in .yaml or .yml`, {
      mend: "Give it such a name",
    });
  }
  if (isSameFile(file, target)) {
    throw new ReelError("ERR_USAGE", `Cannot write ${target}: it is what is imported`, {
      mend: "Give another name for the scenario",
    });
  }
  const text = await scenarioOf(file, flags);
  await refuseUnusable(file, text);
  writeFileWhole(target, (sink) => sink.write(new TextEncoder().encode(text)));
  out(`wrote ${target}: run it with "ioreel run ${target} --backend emulated"`);
  return 0;
}

async function scenarioOf(file: string, { disk, from }: ImportFlags): Promise<string> {
  const bytes = await read(file, from === "fio" ? FIO_LOG_BYTES_MAX : CAPTURE_BYTES_MAX);
  if (from === "pcap") return pcapScenario(file, readCapture(file, bytes));
  const text = new TextDecoder("utf-8").decode(bytes);
  return fioScenario(file, readFioLog(file, text), disk);
}

async function read(file: string, bytesMax: number): Promise<Uint8Array> {
  try {
    const { size } = statSync(file);
    if (size > bytesMax) {
      refuseImport(file, "", `it has ${size} bytes, wanted at most ${bytesMax}`, "Cut it");
    }
    return await Bun.file(file).bytes();
  } catch (error) {
    if (isReelError(error)) throw error;
    const { code = "an error" } = error as { code?: string };
    const found = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
    return refuseImport(file, "", found, "Check the path");
  }
}

/** The limits of scenarios hold for those that are made, and whoever made it is not to blame. */
async function refuseUnusable(file: string, text: string): Promise<void> {
  const mend = "Import a part of it, such as its first 4,000 requests or packets";
  if (text.length > FILE_BYTES_MAX) {
    refuseImport(file, "", `its scenario would have more than ${FILE_BYTES_MAX} bytes`, mend);
  }
  try {
    const parsed = await parseYaml(text);
    if (!("value" in parsed)) throw new Error(`the text is no YAML: ${parsed.error.message}`);
    resolveScenario(parsed.value, kindsOf(BUILT_IN_PROVIDERS), file);
  } catch (error) {
    if (!isReelError(error, "ERR_SCENARIO_INVALID")) throw error;
    const found = `its scenario would not be valid: ${error.message.split("\n")[0]}`;
    refuseImport(file, "", found, mend);
  }
}
