/** A process without io_uring, for tests of what the backend, its diagnosis and its choice say. */
import type { Backend } from "../contract.ts";
import { selectBackend, sureCandidate, uringCandidate } from "../select.ts";
import type { Rejection } from "../select.ts";
import { diagnoseUring } from "./diagnose.ts";
import type { UringReport } from "./diagnose.ts";
import { forbidSetup } from "./seccomp.fixture.ts";

export const FORBIDDEN = import.meta.path;

/** What the process found. */
export interface Findings {
  readonly report: UringReport;
  readonly chosen: string;
  readonly rejected: readonly Rejection[];
  /** The failure of insisting on io_uring, if it failed. */
  readonly insisted: { code: string; text: string; mend: string } | undefined;
}

/** How io_uring_setup is to fail there: not at all if the error number is left out. */
export interface Forbidden {
  readonly errno?: number;
  readonly entriesAbove?: number;
}

if (import.meta.main) await examine(JSON.parse(process.argv[2]!) as Forbidden);

async function examine({ errno, entriesAbove }: Forbidden): Promise<void> {
  if (errno !== undefined) forbidSetup(errno, entriesAbove);
  const candidates = [
    uringCandidate(),
    sureCandidate("emulated", () => ({ kind: "emulated", close() {} }) as unknown as Backend),
  ];
  const { chosen, rejected } = await selectBackend({ want: "auto", opcodes: [], candidates });
  const insisted = await selectBackend({ want: "uring", opcodes: [], candidates }).then(
    ({ chosen: backend }) => backend.close(),
    (error: { code: string; message: string; mend: string }) => ({ ...error, text: error.message }),
  );
  const report = await diagnoseUring();
  const findings: Findings = {
    report,
    chosen: chosen.kind,
    rejected,
    insisted: insisted ?? undefined,
  };
  process.stdout.write(JSON.stringify(findings));
  chosen.close();
}
