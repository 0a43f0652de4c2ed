/**
 * What the host says about itself, read from /proc, for explaining why a ring cannot be had.
 * Nothing here decides anything: what the kernel lets us do is found out by doing it.
 */
import { readFileSync } from "node:fs";

export interface HostFacts {
  readonly platform: string;
  /** For example "6.18.44"; empty where it cannot be read. */
  readonly kernel: string;
  /**
   * kernel.io_uring_disabled: 0 for everybody, 1 for nobody unprivileged outside its group, 2 for
   * nobody. Undefined before Linux 6.6, which has no such setting.
   */
  readonly ioUringDisabled: number | undefined;
  /** Bytes that may be locked into memory; undefined for no limit or no answer. */
  readonly memlockBytes: number | undefined;
  /** Seccomp mode of this thread: 0 none, 1 strict, 2 filter. */
  readonly seccompMode: number | undefined;
  /** Whether this thread has CAP_SYS_ADMIN, which the setting 1 above does not keep out. */
  readonly privileged: boolean;
}

/** Bit 21 of the capabilities (linux/capability.h). */
const CAP_SYS_ADMIN = 1 << 21;

export function hostFacts(): HostFacts {
  const disabled = read("/proc/sys/kernel/io_uring_disabled").trim();
  const memlock = /^Max locked memory\s+(\d+)/m.exec(read("/proc/self/limits"))?.[1];
  // The thread's own file: a filter may have been installed for one thread only.
  const status = read("/proc/thread-self/status") || read("/proc/self/status");
  const seccomp = /^Seccomp:\s+(\d+)/m.exec(status)?.[1];
  const capabilities = /^CapEff:\s+([0-9a-f]+)/m.exec(status)?.[1];
  return {
    platform: process.platform,
    kernel: read("/proc/sys/kernel/osrelease").trim(),
    ioUringDisabled: disabled === "" ? undefined : Number(disabled),
    memlockBytes: memlock === undefined ? undefined : Number(memlock),
    seccompMode: seccomp === undefined ? undefined : Number(seccomp),
    privileged: (Number.parseInt(capabilities ?? "0", 16) & CAP_SYS_ADMIN) !== 0,
  };
}

/** Whether a kernel release is at least the given version; false if it cannot be read. */
export function kernelAtLeast(release: string, major: number, minor: number): boolean {
  const match = /^(\d+)\.(\d+)/.exec(release);
  if (match === null) return false;
  const found = Number(match[1]);
  return found > major || (found === major && Number(match[2]) >= minor);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
