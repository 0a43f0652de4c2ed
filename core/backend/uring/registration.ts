/**
 * Things that are told to an open ring once: which opcodes it knows, its own registered number, and
 * the eventfd that it announces completions on. (io_uring_register(2))
 */
import { ptr } from "bun:ffi";

import { ReelError, codeOfResult } from "../../errors.ts";
import { OPCODE } from "../contract.ts";
import {
  ENTER_REGISTERED_RING,
  PROBE_ENTRY_BYTES,
  PROBE_HEAD_BYTES,
  PROBE_OPCODES,
  PROBE_SUPPORTED,
  REGISTER_EVENTFD,
  REGISTER_PROBE,
  REGISTER_RING_FDS,
  SYS_IO_URING_REGISTER,
  UNREGISTER_EVENTFD,
  UNREGISTER_RING_FDS,
} from "./abi.ts";
import { libc } from "./libc.ts";
import type { RingQueue } from "./ring-queue.ts";

/** struct io_uring_rsrc_update: offset, reserved, data as 64 bits. */
const UPDATE_BYTES = 16;
const NEXT_FREE = 0xffffffff;

/**
 * A call of io_uring_register for one ring.
 * @returns the result, or a negative error number
 */
export type RegisterCall = (operation: number, address: number, count: number) => number;

/** The call as the ring's own thread makes it. */
export function registerAt(fd: number): RegisterCall {
  return (operation, address, count) => {
    const result = libc().register(SYS_IO_URING_REGISTER, fd, operation, address, count);
    return result < 0 ? -libc().errno() : result;
  };
}

function register(fd: number, operation: number, view: NodeJS.TypedArray, count: number): number {
  const address = ptr(view);
  const result = libc().register(SYS_IO_URING_REGISTER, fd, operation, address, count);
  return result < 0 ? -libc().errno() : result;
}

/**
 * Asks which opcodes the kernel knows.
 * @param masked opcodes to leave out, to simulate a kernel without them
 */
export function probeOpcodes(fd: number, masked: readonly number[]): ReadonlySet<number> {
  const probe = new Uint8Array(
    new ArrayBuffer(PROBE_HEAD_BYTES + PROBE_OPCODES * PROBE_ENTRY_BYTES),
  );
  const known = new Set<number>();
  if (register(fd, REGISTER_PROBE, probe, PROBE_OPCODES) < 0) return known;
  // Byte 1 counts the entries; an entry is its opcode, a pad byte, and 16 bits of flags.
  for (let i = 0; i < probe[1]!; i++) {
    const at = PROBE_HEAD_BYTES + i * PROBE_ENTRY_BYTES;
    const opcode = probe[at]!;
    if ((probe[at + 2]! & PROBE_SUPPORTED) !== 0 && !masked.includes(opcode)) known.add(opcode);
  }
  return known;
}

/** Of some opcodes, those that cannot be asked for. Look-ups are ours and need no kernel. */
export function missingOf(known: ReadonlySet<number>, wanted: readonly number[]): number[] {
  return wanted.filter((opcode) => opcode !== OPCODE.LOOKUP && !known.has(opcode));
}

/**
 * Registers the ring's descriptor with the ring, which spares the kernel a look-up in every call. A
 * thread has room for sixteen (Linux 5.18); a ring without a place is entered by its descriptor.
 */
export function registerRingFd(queue: RingQueue): void {
  const update = new Uint32Array(new ArrayBuffer(UPDATE_BYTES));
  update[0] = NEXT_FREE;
  update[2] = queue.fd;
  if (register(queue.fd, REGISTER_RING_FDS, update, 1) !== 1) return;
  queue.enterFd = update[0]!;
  queue.enterFlags |= ENTER_REGISTERED_RING;
}

/** Gives the registered number back. */
export function unregisterRingFd(queue: RingQueue): void {
  if ((queue.enterFlags & ENTER_REGISTERED_RING) === 0) return;
  const update = new Uint32Array(new ArrayBuffer(UPDATE_BYTES));
  update[0] = queue.enterFd;
  register(queue.fd, UNREGISTER_RING_FDS, update, 1);
  queue.enterFlags &= ~ENTER_REGISTERED_RING;
  queue.enterFd = queue.fd;
}

/**
 * Has completions announced on an eventfd.
 * @throws {ReelError} the errno's code
 */
export function registerEventfd(fd: number, eventfd: number): void {
  const words = new Int32Array(new ArrayBuffer(8));
  words[0] = eventfd;
  const result = register(fd, REGISTER_EVENTFD, words, 1);
  if (result >= 0) return;
  const code = codeOfResult(result);
  throw new ReelError(code, `Cannot have the ring announce completions: eventfd gave ${code}`);
}

/** Ends {@link registerEventfd}. */
export function unregisterEventfd(fd: number): void {
  libc().register(SYS_IO_URING_REGISTER, fd, UNREGISTER_EVENTFD, 0, 0);
}
