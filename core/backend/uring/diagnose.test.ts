/**
 * What is said when there is no io_uring, or not all of it. The failures are real where they can be
 * made: seccomp filters in processes of their own; the setting of the running kernel is put back.
 */
import { expect, test } from "bun:test";
import { execFile, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

import { ERRNO, isReelError } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import { diagnoseUring } from "./diagnose.ts";
import { FORBIDDEN } from "./forbidden.fixture.ts";
import type { Findings, Forbidden } from "./forbidden.fixture.ts";
import { kernelAtLeast } from "./host-facts.ts";
import type { HostFacts } from "./host-facts.ts";
import { featureObstacle, setupObstacle } from "./obstacles.ts";
import { openBlocking, ringMissing, ringTest } from "./ring.fixture.ts";

const SYSCTL = "/proc/sys/kernel/io_uring_disabled";
const NOBODY = { uid: 65534, gid: 65534 };

/** Examines a process where io_uring_setup is forbidden so, as another user if asked. */
function findings(
  forbidden: Forbidden,
  user: { uid?: number; gid?: number } = {},
): Promise<Findings> {
  const { promise, resolve, reject } = Promise.withResolvers<Findings>();
  const options = { ...user, timeout: 15_000, encoding: "utf8" as const };
  execFile(process.execPath, [FORBIDDEN, JSON.stringify(forbidden)], options, (error, output) => {
    if (error === null) resolve(JSON.parse(output) as Findings);
    else reject(error);
  });
  return promise;
}

ringTest("diagnoseUring() lists what a whole host has, and no obstacle", async () => {
  const report = await diagnoseUring({ opcodes: [OPCODE.NOP, OPCODE.READ] });
  expect(report.available).toBe(true);
  expect(report.obstacles).toEqual([]);
  expect(report.wake).toBe("eventfd");
  expect(report.host.kernel).toBe(readFileSync("/proc/sys/kernel/osrelease", "utf8").trim());
  expect(report.ring).toMatchObject({ entries: 256, completionEntries: 2048 });
  expect(report.ring!.features).toContain("EXT_ARG");
  expect(report.ring!.flags).toContain("CQSIZE");
  expect(report.opcodes.missing).toEqual([]);
  expect(report.opcodes.known).toBeGreaterThan(30);
  expect(["shared", "mapped"]).toContain(report.ring!.memory);
});

ringTest("diagnoseUring() names the opcodes that are required and missing", async () => {
  const report = await diagnoseUring({
    opcodes: [OPCODE.READ, OPCODE.SEND_ZC, OPCODE.SOCKET],
    faults: { maskOpcodes: [OPCODE.SEND_ZC, OPCODE.SOCKET, OPCODE.TEE] },
  });
  expect(report.available).toBe(false);
  expect(report.opcodes.missing).toEqual(["SEND_ZC", "SOCKET"]);
  expect(report.opcodes.unavailable).toEqual(["TEE", "SOCKET", "SEND_ZC"]);
  expect(report.obstacles).toHaveLength(1);
  expect(report.obstacles[0]).toMatchObject({ code: "EOPNOTSUPP", fatal: true });
  expect(report.obstacles[0]!.wanted).toBe("the opcodes SEND_ZC, SOCKET");
});

ringTest(
  "diagnoseUring() reports a wake-up that does not work as no reason not to open",
  async () => {
    const report = await diagnoseUring({ selfTestMs: 10, faults: { eventfdSelfTest: "fail" } });
    expect(report.available).toBe(true);
    expect(report.wake).toBe("polling");
    expect(report.obstacles).toHaveLength(1);
    expect(report.obstacles[0]).toMatchObject({ code: "ERR_TIMEOUT", fatal: false });
  },
);

ringTest("open() fails with the error number as its code, and a mend", () => {
  for (const code of ["ENOSYS", "EPERM", "ENOMEM", "EINVAL", "EMFILE"] as const) {
    try {
      openBlocking({ faults: { setupErrno: ERRNO[code] } });
      expect.unreachable();
    } catch (error) {
      expect(isReelError(error, code)).toBe(true);
      expect(String(error)).toContain(`found io_uring_setup gave ${code} on Linux`);
      expect(isReelError(error) && error.mend).toContain("or choose the emulated backend");
    }
  }
});

ringTest.each([
  ["ENOSYS", ERRNO.ENOSYS, "the io_uring system calls"],
  ["EPERM", ERRNO.EPERM, "permission to open a ring"],
])(
  "a seccomp filter that gives %s is explained, and auto falls back",
  async (code, errno, wanted) => {
    const { report, chosen, rejected, insisted } = await findings({ errno });
    expect(chosen).toBe("emulated");
    expect(report.available).toBe(false);
    expect(report.ring).toBeUndefined();
    expect(report.host.seccompMode).toBe(2);
    expect(report.obstacles).toHaveLength(1);
    expect(report.obstacles[0]).toMatchObject({ code, wanted, fatal: true });
    expect(report.obstacles[0]!.found).toContain("under a seccomp filter");
    expect(report.obstacles[0]!.mend).toContain("seccomp profile");
    expect(rejected).toHaveLength(1);
    expect(rejected[0]).toMatchObject({ name: "uring", code });
    expect(insisted).toMatchObject({ code: "ERR_BACKEND_UNAVAILABLE" });
    expect(insisted!.text).toContain(`Cannot start on the backend "uring"`);
    expect(insisted!.mend).toBe(rejected[0]!.mend);
  },
);

ringTest(
  "a ring too large for the memory there is opens at half the size, again and again",
  async () => {
    const { report, chosen, rejected } = await findings({ errno: ERRNO.ENOMEM, entriesAbove: 64 });
    expect([chosen, rejected]).toEqual(["uring", []]);
    expect(report.ring).toMatchObject({ entries: 64, completionEntries: 512 });
    expect(report.refused.map(({ entries, errno }) => [entries, errno])).toContainEqual([128, 12]);
  },
);

ringTest("no memory for any ring is explained by the limit of locked memory", async () => {
  const { report, chosen } = await findings({ errno: ERRNO.ENOMEM });
  expect(chosen).toBe("emulated");
  expect(report.obstacles[0]).toMatchObject({ code: "ENOMEM", fatal: true });
  expect(report.obstacles[0]!.mend).toContain("ulimit -l");
  expect(report.refused.map(({ entries }) => entries).filter((n) => n === 16)).not.toEqual([]);
});

const sysctl = sysctlReason();
if (sysctl !== undefined) console.warn(`SKIPPED: the kernel.io_uring_disabled test, ${sysctl}`);

test.skipIf(sysctl !== undefined)(
  "kernel.io_uring_disabled is told apart from a filter, by its value",
  async () => {
    let found: Findings;
    try {
      // 1 keeps out the unprivileged only: the other tests go on having their rings. Should the
      // same test run elsewhere on this host and put the setting back, this one begins again.
      do {
        writeFileSync(SYSCTL, "1");
        found = await findings({}, NOBODY);
      } while (readFileSync(SYSCTL, "utf8").trim() !== "1");
    } finally {
      writeFileSync(SYSCTL, "0");
    }
    expect(found.chosen).toBe("emulated");
    expect(found.report.host.ioUringDisabled).toBe(1);
    expect(found.report.obstacles[0]).toMatchObject({
      code: "EPERM",
      wanted: "kernel.io_uring_disabled = 0",
    });
    expect(found.report.obstacles[0]!.mend).toContain("sysctl kernel.io_uring_disabled=0");
    expect(found.report.obstacles[0]!.mend).toContain("kernel.io_uring_group");
  },
);

function sysctlReason(): string | undefined {
  if (ringMissing !== undefined) return "because there is no io_uring";
  if (process.getuid?.() !== 0) return "because only root may change it";
  try {
    const setting = readFileSync(SYSCTL, "utf8").trim();
    if (setting !== "0") return `because it is ${setting} already`;
    writeFileSync(SYSCTL, setting);
  } catch {
    return "because it cannot be written here";
  }
  const reads = spawnSync(process.execPath, [FORBIDDEN, "{}"], NOBODY);
  return reads.status === 0 ? undefined : "because an unprivileged process cannot run this program";
}

const FACTS: HostFacts = {
  platform: "linux",
  kernel: "6.18.1",
  ioUringDisabled: 0,
  memlockBytes: 65536,
  seccompMode: 0,
  privileged: false,
};

test.each([
  ["an old kernel", ERRNO.ENOSYS, { kernel: "4.19.0" }, "Upgrade the kernel to 5.11"],
  ["a kernel built without it", ERRNO.ENOSYS, {}, "CONFIG_IO_URING"],
  ["the setting 1", ERRNO.EPERM, { ioUringDisabled: 1 }, "kernel.io_uring_group"],
  ["the setting 2", ERRNO.EPERM, { ioUringDisabled: 2 }, "sysctl kernel.io_uring_disabled=0"],
  ["a security module", ERRNO.EPERM, { ioUringDisabled: undefined }, "security module"],
  ["a filter around root", ERRNO.EPERM, { ioUringDisabled: 1, privileged: true }, "seccomp"],
  ["too little memory", ERRNO.ENOMEM, {}, "ulimit -l"],
  ["unknown flags", ERRNO.EINVAL, {}, "Upgrade the kernel to 5.11"],
  ["no descriptors", ERRNO.EMFILE, {}, "io_uring_setup(2)"],
] as const)("setupObstacle() mends %s by its own remedy", (_name, errno, facts, mend) => {
  const obstacle = setupObstacle(errno, { ...FACTS, ...facts });
  expect(obstacle.mend).toContain(mend);
  expect(obstacle.fatal).toBe(true);
  expect(obstacle.found).toContain("io_uring_setup gave E");
});

test("featureObstacle() refuses rings that are older than what the backend relies on", () => {
  expect(featureObstacle(-1)).toBeUndefined();
  expect(featureObstacle(0b1111)!.found).toContain("whose rings lack EXT_ARG");
});

test("kernelAtLeast() compares releases by number", () => {
  expect(kernelAtLeast("5.11.0-generic", 5, 11)).toBe(true);
  expect(kernelAtLeast("5.9.1", 5, 11)).toBe(false);
  expect(kernelAtLeast("6.0", 5, 11)).toBe(true);
  expect(kernelAtLeast("", 5, 1)).toBe(false);
});
