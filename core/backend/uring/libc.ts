/**
 * The C library's functions that the io_uring backend calls, through bun:ffi. The library is opened
 * at the first call, so that importing this file on another system does no harm.
 */
import { FFIType, dlopen, read } from "bun:ffi";

import { ReelError } from "../../errors.ts";

/** glibc's name, musl's own names, and the name that musl's toolchains link. */
const LIBRARY_NAMES = [
  "libc.so.6",
  "libc.musl-x86_64.so.1",
  "libc.musl-aarch64.so.1",
  "libc.so",
] as const;

/** Each returns -1 for failure, and then {@link Libc.errno} says why, unless it says otherwise. */
export interface Libc {
  /** The name under which the library was found. */
  readonly name: string;
  /** io_uring_enter(2) without an argument block: `argument` and `argumentBytes` are 0. */
  enter: EnterCall;
  /** io_uring_setup(2). */
  setup(number: number, entries: number, params: number): number;
  /** io_uring_register(2). */
  register(number: number, fd: number, operation: number, address: number, count: number): number;
  /** @returns the address, or -1 */
  mmap(
    hint: null,
    bytes: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): number;
  munmap(address: number, bytes: number): number;
  madvise(address: number, bytes: number, advice: number): number;
  eventfd(initial: number, flags: number): number;
  pipe2(pair: Int32Array, flags: number): number;
  open(path: Uint8Array, flags: number, mode: number): number;
  close(fd: number): number;
  read(fd: number, bytes: Uint8Array, length: number): number;
  write(fd: number, bytes: Uint8Array, length: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  tee(from: number, to: number, length: number, flags: number): number;
  clock_gettime(clock: number, timespec: Int32Array): number;
  unlink(path: Uint8Array): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, length: number): number;
  listen(fd: number, backlog: number): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array, length: number): number;
  getsockname(fd: number, address: Uint8Array, length: Int32Array): number;
  getpeername(fd: number, address: Uint8Array, length: Int32Array): number;
  /** @returns 0 or one of the EAI numbers, without errno */
  getaddrinfo(name: Uint8Array, service: null, hints: Int32Array, list: Uint32Array): number;
  freeaddrinfo(list: number): void;
  /** @returns null when it fails */
  inet_ntop(family: number, address: number, text: Uint8Array, length: number): number | null;
  /** The calling thread's error number. Read it before anything else is called. */
  errno(): number;
}

export type EnterCall = (
  number: number,
  fd: number,
  submit: number,
  wait: number,
  flags: number,
  argument: number,
  argumentBytes: number,
) => number;

const PLAIN = {
  mmap: { args: ["ptr", "usize", "i32", "i32", "i32", "usize"], returns: FFIType.i64_fast },
  munmap: { args: ["usize", "usize"], returns: "i32" },
  madvise: { args: ["usize", "usize", "i32"], returns: "i32" },
  eventfd: { args: ["u32", "i32"], returns: "i32" },
  pipe2: { args: ["ptr", "i32"], returns: "i32" },
  open: { args: ["ptr", "i32", "u32"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "usize"], returns: FFIType.i64_fast },
  write: { args: ["i32", "ptr", "usize"], returns: FFIType.i64_fast },
  fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
  tee: { args: ["i32", "i32", "usize", "u32"], returns: FFIType.i64_fast },
  clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
  unlink: { args: ["ptr"], returns: "i32" },
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
  getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getpeername: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  getaddrinfo: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  freeaddrinfo: { args: ["usize"], returns: "void" },
  inet_ntop: { args: ["i32", "usize", "ptr", "u32"], returns: "ptr" },
  __errno_location: { args: [], returns: "ptr" },
} as const;

/**
 * syscall(2) is variadic: it is bound once for each list of arguments that is needed. Its results
 * here are small counts and descriptors, so 32 bits hold them.
 */
const ENTER = {
  syscall: { args: ["i32", "i32", "i32", "i32", "i32", "ptr", "usize"], returns: "i32" },
} as const;
const SETUP = { syscall: { args: ["i32", "u32", "usize"], returns: "i32" } } as const;
const REGISTER = {
  syscall: { args: ["i32", "i32", "u32", "usize", "u32"], returns: "i32" },
} as const;

let loaded: Libc | undefined;

/**
 * The C library.
 * @throws {ReelError} ERR_UNSUPPORTED where there is none that bun:ffi can open
 */
export function libc(): Libc {
  return (loaded ??= load());
}

function load(): Libc {
  const name = process.platform === "linux" ? LIBRARY_NAMES.find(opens) : undefined;
  if (name === undefined) {
    throw new ReelError(
      "ERR_UNSUPPORTED",
      `Cannot reach the kernel's io_uring: the C library was not found on ${process.platform}`,
      { mend: "Run on Linux with glibc or musl, or choose the emulated backend" },
    );
  }
  const plain = dlopen(name, PLAIN).symbols;
  const errnoAddress = plain.__errno_location();
  if (errnoAddress === null) {
    throw new ReelError("ERR_UNSUPPORTED", "Cannot read errno: __errno_location() gave no address");
  }
  return {
    ...(plain as unknown as Omit<Libc, "name" | "enter" | "setup" | "register" | "errno">),
    name,
    enter: dlopen(name, ENTER).symbols.syscall as unknown as EnterCall,
    setup: dlopen(name, SETUP).symbols.syscall as unknown as Libc["setup"],
    register: dlopen(name, REGISTER).symbols.syscall as unknown as Libc["register"],
    errno: () => read.i32(errnoAddress, 0),
  };
}

function opens(name: string): boolean {
  try {
    dlopen(name, { getpid: { args: [], returns: "i32" } });
    return true;
  } catch {
    return false;
  }
}
