/**
 * `ioreel doctor`: which backend this machine gets, why, and what stands in the way of the rest.
 */
import { diagnoseUring, type UringReport } from "../../core/backend/uring/diagnose.ts";
import { Runtime } from "../../index.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { columns, json, out, paint } from "../output.ts";

interface Check {
  ok: boolean;
  name: string;
  found: string;
  mend?: string;
}

export async function doctor(flags: { json?: boolean }): Promise<number> {
  const opcodes = BUILT_IN_PROVIDERS.flatMap((provider) => provider.opcodes ?? []);
  const uring = await diagnoseUring({ opcodes });
  const io = await Runtime.start({ seed: 0 });
  const chosen = io.backend;
  const { rejected } = io;
  await io.close();
  const checks = [...hostChecks(uring), ...uringChecks(uring)];
  if (flags.json === true) {
    json("doctor/v1", { chosen, rejected, bun: Bun.version, checks, uring });
    return 0;
  }
  out(
    columns(
      checks.map(({ ok, name, found }) => [
        ok ? paint("green", "✓") : paint("yellow", "!"),
        name,
        found,
      ]),
    ),
  );
  for (const { mend, name } of checks) if (mend !== undefined) out(`  ${name}: ${mend}`);
  out(`\nbackend ${paint("bold", chosen)} is chosen by "auto"`);
  for (const each of rejected) {
    out(`  ${each.name} is not: ${each.reason}`);
    out(`  ${paint("cyan", "help")}: ${each.mend}`);
  }
  return 0;
}

function hostChecks({ host }: UringReport): Check[] {
  const { ioUringDisabled, kernel, memlockBytes, platform, seccompMode } = host;
  const sysctl = ["0, for everybody", "1, for nobody unprivileged", "2, for nobody"];
  return [
    { ok: true, name: "Bun", found: `${Bun.version} on ${platform}/${process.arch}` },
    { ok: kernel !== "", name: "kernel", found: kernel || "not Linux" },
    {
      ok: (ioUringDisabled ?? 0) === 0,
      name: "kernel.io_uring_disabled",
      found: ioUringDisabled === undefined ? "no such setting" : sysctl[ioUringDisabled]!,
    },
    {
      ok: true,
      name: "locked memory",
      found: memlockBytes === undefined ? "unlimited" : `${memlockBytes} bytes at most`,
    },
    {
      ok: seccompMode !== 2,
      name: "seccomp",
      found: ["none", "strict", "a filter is installed"][seccompMode ?? 0]!,
    },
  ];
}

function uringChecks(report: UringReport): Check[] {
  const { available, obstacles, opcodes, ring, wake } = report;
  const checks: Check[] = [
    { ok: available, name: "io_uring", found: available ? "a ring opens and works" : "no ring" },
  ];
  if (ring !== undefined) {
    const { completionEntries, entries, flags, memory } = ring;
    checks.push(
      { ok: memory === "shared", name: "ring memory", found: MEMORY[memory] },
      {
        ok: true,
        name: "ring size",
        found: `${entries} requests, ${completionEntries} completions`,
      },
      { ok: true, name: "ring flags", found: flags.join(" ") || "none" },
    );
  }
  if (opcodes.known !== undefined) {
    const missing = opcodes.missing.length === 0 ? "" : `; missing: ${opcodes.missing.join(", ")}`;
    checks.push({
      ok: opcodes.missing.length === 0,
      name: "opcodes",
      found: `the kernel knows ${opcodes.known}${missing}`,
    });
  }
  if (wake !== undefined) {
    checks.push({ ok: wake === "eventfd", name: "event loop", found: WAKE[wake] });
  }
  for (const { code, found, mend, wanted } of obstacles) {
    checks.push({ ok: false, name: code, found: `${found} (wanted ${wanted})`, mend });
  }
  return checks;
}

const MEMORY = {
  shared: "in a SharedArrayBuffer (NO_MMAP)",
  mapped: "mapped from the kernel: the fallback",
} as const;
const WAKE = {
  untested: "not tested",
  eventfd: "woken by an eventfd",
  polling: "looks at the ring again and again",
  thread: "woken by a thread that waits for the ring",
} as const;
