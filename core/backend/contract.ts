/**
 * What a backend is to the rest of ioreel: the one door through which everything enters that a
 * program cannot foresee. The engine asks it for requests, deadlines and wake-ups; it answers
 * through a {@link Sink}. A recorder wraps this interface, a replayer implements it, and nobody on
 * either side of the door can tell.
 */
import type { Machine } from "./emulated/machine.ts";
import type { HostCalls } from "./host-calls.ts";
import type { Images } from "./images.ts";

export type { AtHand, FileStatus, HostCalls } from "./host-calls.ts";

/** The request stays armed: more completions with the same slot will follow. */
export const COMPLETE_MORE = 1;
/** Upper half of the flags: which provided buffer the completion used, when this bit is set. */
export const COMPLETE_BUFFER = 2;
/** The memory of a zero-copy send is free again; the result says nothing. */
export const COMPLETE_NOTIFICATION = 4;
/** There was more to receive when the completion was posted. */
export const COMPLETE_NONEMPTY = 8;

/** The receiving side of the door. Implemented by the engine. */
export interface Sink {
  /**
   * Whether the time of {@link turn} is of no use here: it is NaN then, and a backend whose clock
   * costs something does not read it.
   */
  readonly ignoresTime?: boolean;
  /**
   * Begins a batch: `nowNs` is the session's clock at the moment the batch was collected. Called
   * before the first event of every poll that delivers any, and not otherwise.
   */
  turn(nowNs: number): void;
  /**
   * A ring request ended or, with COMPLETE_MORE, delivered one of several results.
   * @param slot descriptor index that the request was prepared with
   * @param generation the slot's generation then: a stale one is counted and dropped
   * @param result as the kernel gave it: a count, or a negative error number
   */
  complete(slot: number, generation: number, result: number, flags: number): void;
  /** An interrupt line was raised and is not masked. */
  interrupt(line: number): void;
  /** The armed deadline was reached. `nowNs` is at or after it, never before. */
  expire(nowNs: number): void;
  /** Something from outside the program: a signal, a request by the host. */
  input(kind: InputKind, value: number): void;
}

/** Kinds of outside input. The numbers are part of the recording format. */
export const INPUT_INTERRUPT = 1;
/** A message for the program; the value says which. */
export const INPUT_MESSAGE = 2;
export type InputKind = typeof INPUT_INTERRUPT | typeof INPUT_MESSAGE;

/** Opcodes of ring requests: the numbers of Linux's io_uring (include/uapi/linux/io_uring.h). */
export const OPCODE = {
  NOP: 0,
  READV: 1,
  WRITEV: 2,
  FSYNC: 3,
  READ_FIXED: 4,
  WRITE_FIXED: 5,
  POLL_ADD: 6,
  POLL_REMOVE: 7,
  SENDMSG: 9,
  RECVMSG: 10,
  TIMEOUT: 11,
  TIMEOUT_REMOVE: 12,
  ACCEPT: 13,
  ASYNC_CANCEL: 14,
  LINK_TIMEOUT: 15,
  CONNECT: 16,
  FALLOCATE: 17,
  OPENAT: 18,
  CLOSE: 19,
  STATX: 21,
  READ: 22,
  WRITE: 23,
  SEND: 26,
  RECV: 27,
  SPLICE: 30,
  TEE: 33,
  SHUTDOWN: 34,
  SOCKET: 45,
  SEND_ZC: 47,
  /**
   * Not the kernel's: resolves a host name. `address` and `length` are its UTF-8 bytes, `offset`
   * the address family wanted (0, 4 or 6), `opFlags` how many bytes of memory there are at
   * `address`. The result is the length of the answer, written over the name: numeric addresses,
   * one a line.
   */
  LOOKUP: 200,
} as const;
export type OpcodeName = keyof typeof OPCODE;

/**
 * How a request is made, beside what it asks for. The low 16 bits are the opcode's own priority
 * word (`ioprio`), of which these are the useful ones; the rest is ours.
 */
export const HOW = {
  /** ACCEPT stays armed and completes for each connection. */
  ACCEPT_MULTISHOT: 1 << 0,
  /** SEND, RECV: wait for readiness first, because an attempt now is known to fail. */
  POLL_FIRST: 1 << 0,
  /** RECV stays armed and completes for each arrival; it needs a buffer group. */
  RECV_MULTISHOT: 1 << 1,
  /** The kernel picks a buffer from the group: see {@link fromGroup}. */
  BUFFER_SELECT: 1 << 16,
} as const;
const GROUP_SHIFT = 17;

/** The {@link HOW} word of a request whose buffer the kernel picks from a group. */
export function fromGroup(group: number): number {
  return HOW.BUFFER_SELECT | (group << GROUP_SHIFT);
}

/** The group that a HOW word names. */
export function groupOf(how: number): number {
  return how >>> GROUP_SHIFT;
}

/**
 * Requests to a ring. A file is named by its *ring file*: a small number that the backend gave out,
 * never the host's descriptor, so that recordings carry no host facts.
 */
export interface Ring {
  /**
   * Prepares one request. It reaches the kernel at the next {@link flush} or poll, or at once when
   * the submission queue is full. Exactly one completion without COMPLETE_MORE follows.
   * @param opcode one of {@link OPCODE}
   * @param file ring file, or -1 for none
   * @param address absolute address of the memory, or 0
   * @param length bytes (or the opcode's own meaning of `len`)
   * @param offset position in the file, -1 for the current one (or the opcode's meaning of `off`)
   * @param how see {@link HOW}; 0 by default
   * @param opFlags the opcode's own flags word; for SPLICE and TEE, the file to move from (`file`
   *   is then the one to move to, `address` the offset to move from)
   */
  prepare(
    opcode: number,
    slot: number,
    generation: number,
    file: number,
    address: number,
    length: number,
    offset: number,
    opFlags: number,
    how?: number,
  ): void;
  /**
   * Limits the request that was prepared last by a linked timeout: it ends with -ETIME when it is
   * not over after so long. It must be of this slot, and not have been handed over yet.
   */
  limit(slot: number, generation: number, timeoutNs: number): void;
  /**
   * Makes a group of buffers from which the kernel picks one for each completion of a request that
   * selects from it. All of them are the kernel's at first.
   * @param address of `count * bufferBytes` bytes of pinned memory; buffer n begins at
   *   `address + n * bufferBytes`
   * @param count a power of two, at most 32,768
   * @returns its number
   * @throws {ReelError} ENOMEM and others, the errno's code
   */
  openGroup(address: number, bufferBytes: number, count: number): number;
  /** Gives a buffer back that a completion used. It may be used again at once. */
  giveBuffer(group: number, buffer: number): void;
  /** Ends a group. No request in flight may select from it. */
  closeGroup(group: number): void;
  /**
   * Asks for a request's cancellation. No completion of its own is delivered; the target ends with
   * -ECANCELED, or with the result with which it won the race.
   */
  cancel(slot: number, generation: number): void;
  /** Hands everything prepared to the kernel, in one system call. */
  flush(): void;
}

export interface BackendCounters {
  /** Ring requests prepared, completions delivered, and system calls made for them. */
  submitted: number;
  completed: number;
  enters: number;
  /** Times that the completion queue had overflowed into the kernel's backlog. */
  overflows: number;
  /** Completions that named a slot's former generation. */
  stale: number;
  /** Interrupts delivered. */
  interrupts: number;
}

export interface Backend {
  /** What runs: part of every session, of `doctor` and of error messages. */
  readonly kind: "uring" | "emulated";
  /** Present on io_uring (and while a recording stands in for it). */
  readonly ring: Ring | undefined;
  readonly host: HostCalls | undefined;
  /** Present on the emulated backend. */
  readonly machine: Machine | undefined;
  /** Present on the emulated backend: on io_uring a file is a file. */
  readonly images?: Images | undefined;
  readonly counters: BackendCounters;

  /** The session's clock: whole nanoseconds since the session began; never goes back. */
  now(): number;
  /** Arms the one shared deadline, replacing the earlier one; Infinity disarms. */
  arm(deadlineNs: number): void;
  /**
   * Whether `poll` with `wait` may hold the thread until something happens outside. False where
   * waiting only moves a virtual clock.
   */
  readonly blocks: boolean;
  /**
   * Delivers what has arrived.
   * @param wait when nothing is there: false returns at once, true blocks the thread (io_uring) or
   *   moves the virtual clock to the next event (emulated)
   * @returns how many events were delivered
   */
  poll(sink: Sink, wait: boolean): number;
  /** Whether anything can still arrive: a request in flight, an armed deadline, a machine event. */
  pending(): boolean;
  /**
   * Calls back, on the host's event loop, once there may be something to poll for. One callback at
   * a time; the call is withdrawn by {@link disarmWake}. On the emulated backend with virtual time
   * it comes at once, with paced time when the next event is due.
   */
  armWake(wake: () => void): void;
  disarmWake(): void;
  /**
   * Where what is handed over reaches the kernel by another thread: waits until it has, so that all
   * that the program alone can bring about is there. Elsewhere a poll is enough.
   * @returns whether a poll would deliver something now
   */
  catchUp?(): boolean;
  /**
   * Listens for messages from other threads, which end a poll that waits: while it listens,
   * something can always arrive. Absent where nobody waits in a kernel.
   * @param heard called when there may be a message; undefined ends the listening
   * @returns the number that other threads send to, or undefined where this cannot be had
   */
  listen?(heard: (() => void) | undefined): number | undefined;
  readonly listening?: boolean;
  /** Takes something from outside the program, to be delivered by the next poll as an input. */
  inject(kind: InputKind, value: number): void;
  /**
   * Cancels what is in flight, reaps it to nothing, then lets go of the ring and of every file.
   * Idempotent. Memory that requests named may be reused only after it returns.
   */
  close(): void;
}

/** The memory that ring requests may name. Its addresses stay the same for the session. */
export interface PinnedMemory {
  /** Absolute address of the first byte, or 0 where no kernel will ever look (emulated). */
  readonly address: number;
  readonly bytes: Uint8Array;
}
