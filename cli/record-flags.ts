/** What the command line says about how a session is recorded. */
import { renameSync, rmSync } from "node:fs";
import { ReelError } from "../core/errors.ts";
import type { RecordPolicy } from "../core/session/record-policy.ts";
import type { RedactionRule } from "../core/session/redaction.ts";

/** The flags as the command line gives them. */
export interface RecordFlags {
  /** True for a recording in the library. */
  record?: string | true;
  mode?: "block" | "digest";
  /** Bytes. */
  flight?: number;
  durable?: boolean;
  payload?: "auto" | "full" | "digest" | "none";
  redact: string[];
}

/**
 * Reads a rule: `/source/flags` is an expression, everything else a text as it is.
 * @throws {ReelError} ERR_USAGE for an expression that is none
 */
export function redactionRule(text: string): RedactionRule {
  if (text === "") {
    throw new ReelError("ERR_USAGE", "Cannot redact: the text to write over is empty", {
      mend: "Name a text, or an expression such as /token=\\w+/",
    });
  }
  const match = /^\/(.+)\/([a-z]*)$/s.exec(text);
  if (match === null) return { pattern: text };
  try {
    return { pattern: new RegExp(match[1]!, match[2]) };
  } catch (error) {
    const { message } = error as Error;
    throw new ReelError("ERR_USAGE", `Cannot redact by ${text}: ${message}`, {
      mend: "Write an expression as in JavaScript, or a text without slashes around it",
    });
  }
}

/**
 * How the session is recorded.
 * @throws {ReelError} ERR_USAGE for flags without a recording that they are about
 */
export function recordPolicy(flags: RecordFlags): RecordPolicy {
  const { mode, flight, durable, payload, redact } = flags;
  const given = { mode, flight, durable, payload, redact: redact[0] };
  const named = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (named !== undefined && flags.record === undefined) {
    throw new ReelError("ERR_USAGE", `Cannot use --${named}: no recording is made`, {
      mend: "Add --record FILE",
    });
  }
  if (flight !== undefined && flags.record === true) {
    throw new ReelError("ERR_USAGE", "Cannot use --flight: the recording has no file", {
      mend: "Name it: --record FILE",
    });
  }
  if (mode === "digest" && payload === "full") {
    const found = "the one leaves payloads out, and the other keeps all";
    throw new ReelError("ERR_USAGE", `Cannot use --mode digest with --payload full: ${found}`, {
      mend: "Leave one of them out",
    });
  }
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(flight === undefined ? {} : { mode: "flight", flightBytes: flight }),
    ...(durable === undefined ? {} : { durable }),
    ...(payload === undefined ? {} : { payload }),
    ...(redact.length === 0 ? {} : { redact: redact.map(redactionRule) }),
  };
}

/**
 * Keeps a flight recording of a run whose expectations do not hold: for the runtime it went well.
 * @param path of the recording
 * @returns puts it in its place: called when the runtime is closed
 */
export function keepFlight(
  io: {
    dump(path: string): number | undefined;
    session?: { path: string | undefined } | undefined;
  },
  path: string,
): () => void {
  const kept = `${path}.kept`;
  if (io.dump(kept) === undefined) return () => {};
  return () => {
    // A run that could not be closed well has left its own.
    if (io.session?.path === undefined) renameSync(kept, path);
    else rmSync(kept, { force: true });
  };
}
