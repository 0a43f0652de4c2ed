/** Chooses the backend of a runtime, and keeps why. */
import { ReelError } from "../errors.ts";
import { UringBackend } from "../backend/uring/uring-backend.ts";

export interface Wanted {
  want: "auto" | "uring" | "emulated";
  slots: number;
  opcodes: readonly number[];
}

/** What was chosen, and what was not and why: part of every session. */
export interface Chosen {
  /** Absent: the emulated backend. */
  uring: UringBackend | undefined;
  report: { chosen: string; rejected: { name: string; code: string; reason: string }[] };
}

export async function choose(wanted: Wanted): Promise<Chosen> {
  return chooseWith(wanted, await attempt(() => UringBackend.open(wanted), wanted));
}

export function chooseBlocking(wanted: Wanted): Chosen {
  if (wanted.want === "emulated") return chooseWith(wanted, undefined);
  try {
    return chooseWith(wanted, UringBackend.openBlocking(wanted));
  } catch (error) {
    return chooseWith(wanted, error as ReelError);
  }
}

async function attempt(open: () => Promise<UringBackend>, wanted: Wanted) {
  if (wanted.want === "emulated") return undefined;
  try {
    return await open();
  } catch (error) {
    return error as ReelError;
  }
}

function chooseWith(wanted: Wanted, opened: UringBackend | ReelError | undefined): Chosen {
  if (opened instanceof UringBackend) {
    return { uring: opened, report: { chosen: "uring", rejected: [] } };
  }
  if (opened !== undefined && wanted.want === "uring") {
    throw new ReelError("ERR_BACKEND_UNAVAILABLE", opened.message, { cause: opened });
  }
  const rejected =
    opened === undefined
      ? []
      : [{ name: "uring", code: opened.code, reason: opened.message }];
  return { uring: undefined, report: { chosen: "emulated", rejected } };
}
