/** `ioreel replay --onto`: what was recorded is done again on another backend, and compared. */
import { existsSync, realpathSync } from "node:fs";
import { ReelError } from "../../../core/errors.ts";
import type {
  OntoComparison,
  OntoDifference,
  Percentiles,
} from "../../../core/runtime/onto/compare.ts";
import { replayOnto } from "../../../core/runtime/onto/replay-onto.ts";
import type { Recording } from "../../../core/session/recording.ts";
import type { Runtime } from "../../../index.ts";
import { BUILT_IN_PROVIDERS } from "../../../providers/index.ts";
import { EXIT } from "../../exit-codes.ts";
import { columns, json, out, paint } from "../../output.ts";
import { redactionRule } from "../../record-flags.ts";
import { recordedScenario } from "../../recorded-scenario.ts";
import { kindsOf } from "../../scenario/kinds.ts";
import { runScenario } from "../../scenario/run-scenario.ts";
import { formatDuration, plural } from "../../scenario/units.ts";

/** Flags that say where to, and how. */
export interface OntoFlags {
  readonly onto?: "uring" | "emulated";
  readonly pace?: "dependency" | "recorded";
  readonly speed?: number;
  /** "from=to". */
  readonly redirect?: readonly string[];
  readonly inPlace?: boolean;
  readonly redact?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** @throws {ReelError} ERR_USAGE for flags that say nothing without --onto, or against it */
export function checkOntoFlags(flags: OntoFlags & Readonly<Record<string, unknown>>): void {
  const { inPlace, onto, pace, redirect, speed } = flags;
  if (onto !== undefined) {
    const other = ["at", "until", "step", "live"].find((name) => flags[name] !== undefined);
    if (other === undefined) {
      if (speed === undefined || pace === "recorded") return;
      throw new ReelError("ERR_USAGE", "Cannot use --speed without a recorded pace", {
        mend: "Add --pace recorded",
      });
    }
    throw new ReelError("ERR_USAGE", `Cannot use --onto and --${other} together`, {
      mend: "Re-issue the whole session, or look at one place of it",
    });
  }
  const given = { "--pace": pace, "--speed": speed, "--in-place": inPlace };
  const lone = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  const named = lone ?? ((redirect ?? []).length > 0 ? "--redirect" : undefined);
  if (named === undefined) return;
  throw new ReelError("ERR_USAGE", `Cannot use ${named} without --onto`, {
    mend: "Say where to: --onto uring, or --onto emulated",
  });
}

/** Re-issues a recorded scenario. @returns the exit code */
export async function ontoBackend(
  recording: Recording,
  file: string,
  flags: OntoFlags,
): Promise<number> {
  const { inputs, scenario } = recordedScenario(recording, file, kindsOf(BUILT_IN_PROVIDERS));
  const { inPlace = false, pace = "dependency", speed = 1 } = flags;
  const backend = flags.onto!;
  const result = await replayOnto(recording, {
    backend,
    providers: BUILT_IN_PROVIDERS,
    program: (io) => runScenario(io as Runtime, scenario, { inputs }),
    redirect: redirectsOf(flags.redirect ?? [], inPlace),
    redact: (flags.redact ?? []).map(redactionRule),
    inPlace,
    pace,
    speed,
  });
  if (flags.json === true) {
    const { backend: recordedOn, seed } = recording.info;
    const words = { file, scenario: scenario.name, recordedOn, onto: backend, seed, pace, speed };
    json("replay-onto/v1", { ...words, ...result, driftNs: result.driftNs ?? null });
  } else tell(result, recording, { ...flags, onto: backend, pace });
  return result.same ? EXIT.ok : EXIT.diverged;
}

/** @throws {ReelError} ERR_USAGE for a copy that is not there, or is the file itself */
function redirectsOf(given: readonly string[], inPlace: boolean): Map<string, string> {
  const targets = new Map<string, string>();
  for (const each of given) {
    const at = each.indexOf("=");
    const from = each.slice(0, at);
    const to = each.slice(at + 1);
    // A socket's path is made when it is opened: neither need be there.
    if (existsSync(from) && !existsSync(to)) {
      throw new ReelError("ERR_USAGE", `Cannot redirect ${from}: there is no ${to}`, {
        mend: `Make a copy of ${from} as it was when it was recorded`,
      });
    }
    if (!inPlace && existsSync(from) && realpathSync(from) === realpathSync(to)) {
      throw new ReelError("ERR_USAGE", `Cannot redirect ${from}: ${to} is the same file`, {
        mend: "Make a copy and name that, or allow writing to it by --in-place",
      });
    }
    targets.set(from, to);
  }
  return targets;
}

function tell(result: OntoComparison, { info }: Recording, flags: OntoFlags): void {
  const { onto, pace, quiet } = flags;
  const { agreed, counts, differences, driftNs, latencyNs, operations, perSecond } = result;
  if (quiet !== true) {
    out(`${plural(operations, "operation")} recorded on ${info.backend}, re-issued on ${onto}`);
    const { clock } = info.options as { clock?: unknown };
    const wasVirtual = info.backend === "emulated" && clock !== "paced";
    const isVirtual = onto === "emulated" && pace !== "recorded";
    const rows = [
      ["", `recorded${wasVirtual ? " (virtual)" : ""}`, `now${isVirtual ? " (virtual)" : ""}`],
      ["took", formatDuration(result.durationNs.recorded), formatDuration(result.durationNs.now)],
      ["operations a second", rate(perSecond.recorded), rate(perSecond.now)],
      ...(["p50", "p99"] as const).map((part) => {
        const { now, recorded } = latencyNs;
        return [`latency ${part}`, formatDuration(recorded[part]), formatDuration(now[part])];
      }),
    ];
    out(columns(rows));
    if (driftNs !== undefined) out(`late: ${late(driftNs)}`);
    const { streams, successOnly } = result;
    if (streams > 0) out(`${plural(streams, "stream")} compared by all that came, in its order`);
    if (successOnly > 0) out(`${plural(successOnly, "operation")} compared by success only`);
  }
  for (const difference of differences) out(lineOf(difference));
  const all = counts.result + counts.bytes + counts.missing;
  if (all > differences.length) out(`... and ${all - differences.length} more`);
  if (result.stalled) out("given up: nothing came to an end any more");
  if (result.same) out(`replay: ${paint("green", "the same")} results and bytes`);
  else {
    const list = `result ${counts.result}, bytes ${counts.bytes}, missing ${counts.missing}`;
    out(`replay: ${paint("red", "different")}: ${list}; ${plural(agreed, "operation")} agreed`);
  }
}

const rate = (perSecond: number): string =>
  perSecond === 0 ? "-" : Math.round(perSecond).toLocaleString("en");

const late = ({ max, p50, p99 }: Percentiles): string =>
  `p50 ${formatDuration(p50)}, p99 ${formatDuration(p99)}, most ${formatDuration(max)}`;

function lineOf({ end, now, operation, recorded, what, ...difference }: OntoDifference): string {
  const number = operation === undefined ? "" : `operation ${operation}, `;
  return `${difference.class}: ${number}${end}: ${what}: recorded ${recorded}, now ${now}`;
}
