/**
 * What disks are asked about their files: size, kind, alignment, and locks. The functions of the C
 * library for it are opened apart from the others, so that one that lacks them can do the rest.
 */
import { dlopen } from "bun:ffi";

import { ERRNO, ReelError, codeOfResult } from "../../errors.ts";
import type { FileStatus } from "../contract.ts";
import { libc } from "./libc.ts";

const AT_EMPTY_PATH = 0x1000;
/** linux/stat.h: STATX_BASIC_STATS and STATX_DIOALIGN, and places in struct statx. */
const STATX_BASIC = 0x7ff;
const STATX_DIOALIGN = 0x2000;
const STATX_BYTES = 256;
const STATX = { MASK: 0, MODE: 28, SIZE: 40, DIRECT_OFFSET_ALIGN: 156 } as const;
const S_IFMT = 0xf000;
const S_IFREG = 0x8000;
const S_IFBLK = 0x6000;

/** linux/fs.h. */
const BLKSSZGET = 0x1268;
const BLKGETSIZE64 = 0x80081272;

/** fcntl.h: F_OFD_SETLK, and struct flock: type, whence, start, length, process. */
const F_OFD_SETLK = 37;
const FLOCK_BYTES = 32;
const F_RDLCK = 0;
const F_WRLCK = 1;
const F_UNLCK = 2;

const CALLS = {
  statx: { args: ["i32", "ptr", "i32", "u32", "ptr"], returns: "i32" },
  ioctl: { args: ["i32", "usize", "ptr"], returns: "i32" },
  fcntl: { args: ["i32", "i32", "ptr"], returns: "i32" },
  ftruncate: { args: ["i32", "usize"], returns: "i32" },
} as const;

interface FileCalls {
  statx(fd: number, path: Uint8Array, flags: number, mask: number, status: Uint8Array): number;
  ioctl(fd: number, request: number, answer: Uint8Array): number;
  fcntl(fd: number, command: number, lock: Uint8Array): number;
  ftruncate(fd: number, sizeBytes: number): number;
}

let opened: FileCalls | undefined;

function calls(): FileCalls {
  return (opened ??= dlopen(libc().name, CALLS).symbols as unknown as FileCalls);
}

function failed(call: string, what: string): ReelError {
  const code = codeOfResult(-libc().errno());
  return new ReelError(code, `${what}: ${call} gave ${code}`);
}

/** See {@link HostCalls.fileStatus}. @throws {ReelError} the errno's code */
export function statusOf(fd: number): FileStatus {
  const what = `Cannot look at descriptor ${fd}`;
  const view = new DataView(new ArrayBuffer(STATX_BYTES));
  const bytes = new Uint8Array(view.buffer);
  const path = new Uint8Array(new ArrayBuffer(1));
  const mask = STATX_BASIC | STATX_DIOALIGN;
  if (calls().statx(fd, path, AT_EMPTY_PATH, mask, bytes) !== 0) throw failed("statx", what);
  const type = view.getUint16(STATX.MODE, true) & S_IFMT;
  if (type === S_IFBLK) return blockStatus(fd, what);
  const aligned = (view.getUint32(STATX.MASK, true) & STATX_DIOALIGN) !== 0;
  return {
    sizeBytes: Number(view.getBigUint64(STATX.SIZE, true)),
    kind: type === S_IFREG ? "file" : "other",
    directBytes: aligned ? view.getUint32(STATX.DIRECT_OFFSET_ALIGN, true) : 0,
  };
}

function blockStatus(fd: number, what: string): FileStatus {
  const view = new DataView(new ArrayBuffer(8));
  const bytes = new Uint8Array(view.buffer);
  if (calls().ioctl(fd, BLKSSZGET, bytes) !== 0) throw failed("ioctl", what);
  const directBytes = view.getUint32(0, true);
  if (calls().ioctl(fd, BLKGETSIZE64, bytes) !== 0) throw failed("ioctl", what);
  return { sizeBytes: Number(view.getBigUint64(0, true)), kind: "block device", directBytes };
}

/** See {@link HostCalls.resize}. */
export function resizeTo(fd: number, sizeBytes: number): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
    throw new RangeError(`Cannot resize a file to ${sizeBytes} bytes: give a number from 0`);
  }
  if (calls().ftruncate(fd, sizeBytes) === 0) return;
  throw failed("ftruncate", `Cannot resize a file to ${sizeBytes} bytes`);
}

/** See {@link HostCalls.lockFile}. */
export function lockWhole(fd: number, exclusive: boolean): void {
  if (setLock(fd, exclusive ? F_WRLCK : F_RDLCK)) return;
  const errno = libc().errno();
  if (errno === ERRNO.EAGAIN || errno === ERRNO.EACCES) {
    throw new ReelError("EBUSY", "Cannot lock the file: somebody else has it locked", {
      mend: "End the other user of the file, or open it without a lock",
    });
  }
  throw failed("fcntl", "Cannot lock the file");
}

/** Ends a lock. Whether there was one is all the same. */
export function unlockWhole(fd: number): void {
  setLock(fd, F_UNLCK);
}

function setLock(fd: number, type: number): boolean {
  const lock = new Uint8Array(new ArrayBuffer(FLOCK_BYTES));
  lock[0] = type;
  return calls().fcntl(fd, F_OFD_SETLK, lock) === 0;
}
