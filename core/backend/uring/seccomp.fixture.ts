/**
 * Takes io_uring away from this very thread, for good, by a seccomp filter: what containers do.
 * Only for processes that a test starts for it.
 */
import { dlopen, ptr } from "bun:ffi";

import { SYS_IO_URING_SETUP } from "./abi.ts";
import { libc } from "./libc.ts";

// linux/prctl.h, linux/seccomp.h, linux/bpf_common.h
const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2;
const SECCOMP_RET_ERRNO = 0x00050000;
const SECCOMP_RET_ALLOW = 0x7fff0000;
const BPF_LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const BPF_JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const BPF_JUMP_GREATER = 0x25; // BPF_JMP | BPF_JGT | BPF_K
const BPF_RETURN = 0x06; // BPF_RET | BPF_K
/** struct seccomp_data: the call's number, and the low word of its first argument. */
const DATA_NUMBER = 0;
const DATA_FIRST_ARGUMENT = 16;
const FILTER_BYTES = 8;

/**
 * Lets io_uring_setup fail from now on.
 * @param errno the error number that it gives
 * @param entriesAbove only for rings with more entries than this
 */
export function forbidSetup(errno: number, entriesAbove = -1): void {
  // Each line: code, lines to skip if true, if false, value.
  const limit = entriesAbove < 0 ? [] : [[BPF_LOAD_WORD, 0, 0, DATA_FIRST_ARGUMENT]];
  if (entriesAbove >= 0) limit.push([BPF_JUMP_GREATER, 0, 1, entriesAbove]);
  const lines = [
    [BPF_LOAD_WORD, 0, 0, DATA_NUMBER],
    [BPF_JUMP_EQUAL, 0, limit.length + 1, SYS_IO_URING_SETUP],
    ...limit,
    [BPF_RETURN, 0, 0, SECCOMP_RET_ERRNO | errno],
    [BPF_RETURN, 0, 0, SECCOMP_RET_ALLOW],
  ];
  const filter = new DataView(new ArrayBuffer(lines.length * FILTER_BYTES));
  for (const [line, [code, ifTrue, ifFalse, value]] of lines.entries()) {
    filter.setUint16(line * FILTER_BYTES, code!, true);
    filter.setUint8(line * FILTER_BYTES + 2, ifTrue!);
    filter.setUint8(line * FILTER_BYTES + 3, ifFalse!);
    filter.setUint32(line * FILTER_BYTES + 4, value!, true);
  }
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, lines.length, true);
  program.setBigUint64(8, BigInt(ptr(filter)), true);
  const { prctl } = dlopen(libc().name, {
    prctl: { args: ["i32", "usize", "usize", "usize", "usize"], returns: "i32" },
  }).symbols;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) !== 0) throw new Error("no_new_privs was refused");
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ptr(program), 0, 0) !== 0) {
    throw new Error(`the seccomp filter was refused: errno ${libc().errno()}`);
  }
}
