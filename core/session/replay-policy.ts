/** What a replay has to know of how its recording was made, and which recordings have no replay. */
import { ReelError } from "../errors.ts";
import type { RecordedPolicy } from "./record-policy.ts";
import { checkRules, describeRules, Redactor } from "./redaction.ts";
import type { RedactionRule } from "./redaction.ts";

interface PolicyInfo {
  readonly path: string;
  readonly backend: string;
  readonly options: unknown;
}

/**
 * Refuses recordings that hold too little to be replayed.
 * @throws {ReelError} ERR_UNSUPPORTED
 */
export function checkReplayable({ path, backend, options }: PolicyInfo): void {
  const record = (options as { record?: RecordedPolicy } | null)?.record;
  if (record?.mode === "flight" && record.flight?.firstSequence !== 0) {
    throw new ReelError("ERR_UNSUPPORTED", `Cannot replay ${path}: it begins in mid-flight`, {
      mend: "Look at it with `session show` or `replay --at`; to replay, record in mode block",
    });
  }
  const { payload } = record ?? {};
  if ((payload === "digest" || payload === "none") && backend === "uring") {
    const kept = payload === "none" ? "nothing" : "checksums in place";
    const found = `it has ${kept} of what came in`;
    throw new ReelError("ERR_UNSUPPORTED", `Cannot replay ${path}: ${found}`, {
      mend: "Look at it with `session show` or `replay --at`; to replay, record payloads",
    });
  }
}

/**
 * The error for a replay that has come to a payload which was left out while there was no room.
 * @param sequence number of the event that brought it
 */
export function payloadLeftOut(sequence: number): ReelError {
  const found = "it has a checksum in place of what came in";
  return new ReelError("ERR_UNSUPPORTED", `Cannot replay past event ${sequence}: ${found}`, {
    mend: "Look at it with `session show` or `replay --at`; to replay, record in mode block",
    details: { sequence },
  });
}

/**
 * What redacts a replay as its recording was redacted.
 * @param rules as given for the replay
 * @returns undefined when nothing is to be redacted
 * @throws {TypeError} for rules that are none
 * @throws {ReelError} ERR_INCOMPATIBLE_RECORDING for other rules than those of the recording
 */
export function redactionFor(
  { path, options }: PolicyInfo,
  rules: readonly RedactionRule[] = [],
): Redactor | undefined {
  checkRules(rules);
  if (rules.length === 0) return undefined;
  const recorded = (options as { record?: RecordedPolicy } | null)?.record?.redact;
  if (recorded?.check === describeRules(rules).check) return new Redactor(rules);
  const found = recorded === undefined ? "none" : recorded.rules.join(", ");
  throw new ReelError(
    "ERR_INCOMPATIBLE_RECORDING",
    `Cannot replay ${path} with these rules of redaction: it was recorded with ${found}`,
    { mend: "Give the rules that the recording was made with, in their order" },
  );
}
