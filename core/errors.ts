/**
 * Every error that ioreel raises: one class, stable codes, and the numbers by which operations
 * carry failures through the descriptor table.
 *
 * A result inside the table is a signed 32-bit number: zero or more for success, a negative number
 * for failure. -1 to -4095 are the kernel's error numbers; ioreel's own start at -4096, where the
 * kernel never goes.
 */

/** ioreel's own failures, with the number that stands for each in a result word. */
export const REEL_ERROR_NUMBERS = {
  ERR_CANCELLED: 4096,
  ERR_TABLE_FULL: 4097,
  ERR_STACK_TOO_DEEP: 4098,
  ERR_OPERATION_BUSY: 4099,
  ERR_BAD_HANDLE: 4100,
  ERR_BUFFER_BORROWED: 4101,
  ERR_PROVIDER_FAULT: 4102,
  ERR_CLOSED: 4103,
  ERR_CLOSING: 4104,
  ERR_UNSUPPORTED: 4105,
  ERR_TIMEOUT: 4106,
  ERR_LOCK_POISONED: 4107,
  ERR_LIMIT: 4108,
  ERR_DEADLOCK: 4109,
  ERR_DIVERGED: 4110,
  ERR_CORRUPT_RECORDING: 4111,
  ERR_BACKEND_UNAVAILABLE: 4112,
  ERR_SCENARIO_INVALID: 4113,
  ERR_PLUGIN_INVALID: 4114,
  ERR_STATE_CORRUPT: 4115,
  ERR_STATE_VERSION: 4116,
  ERR_NOT_RUNNING: 4117,
  ERR_INTERRUPTED: 4118,
  ERR_EXPECTATION: 4119,
  ERR_BUFFER_CHANGED: 4120,
  ERR_MUTATION_CANCELLED: 4121,
  ERR_POLLED_AFTER_READY: 4122,
  ERR_INCOMPATIBLE_RECORDING: 4123,
  ERR_USAGE: 4124,
  ERR_STORE: 4125,
  // The resolver's failures, which are no error numbers of the kernel's, by their usual names.
  ENOTFOUND: 4126,
  EAI_AGAIN: 4127,
  ERR_WORKER_DIED: 4128,
  ERR_OUT_OF_RANGE: 4129,
  ERR_NONDETERMINISM: 4130,
} as const;

/** The kernel's error numbers (Linux, all architectures that Bun runs on) that ioreel names. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  ETIME: 62,
  ENONET: 64,
  EPROTO: 71,
  EOVERFLOW: 75,
  ENOTSOCK: 88,
  EDESTADDRREQ: 89,
  EMSGSIZE: 90,
  EPROTOTYPE: 91,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  ESOCKTNOSUPPORT: 94,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ESHUTDOWN: 108,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
  ENOMEDIUM: 123,
  ECANCELED: 125,
} as const;

export type ReelErrorCode = keyof typeof REEL_ERROR_NUMBERS;
export type ErrnoName = keyof typeof ERRNO;
/** Any code that a {@link ReelError} can carry. Codes do not change within a major version. */
export type ErrorCode = ReelErrorCode | ErrnoName | `E${number}`;

const nameByNumber = new Map<number, ErrorCode>();
for (const [name, number] of Object.entries(ERRNO)) nameByNumber.set(number, name as ErrnoName);
for (const [name, number] of Object.entries(REEL_ERROR_NUMBERS)) {
  nameByNumber.set(number, name as ReelErrorCode);
}

/**
 * The code that stands for a failed result.
 * @param result a negative result word, or its absolute value
 * @returns the stable code; `E<number>` for a kernel error that ioreel has no name for
 */
export function codeOfResult(result: number): ErrorCode {
  const number = Math.abs(result);
  return nameByNumber.get(number) ?? `E${number}`;
}

/**
 * The negative result word that stands for a code.
 * @param code a stable code
 * @returns a negative 32-bit number; an unknown code becomes EIO
 */
export function resultOfCode(code: ErrorCode): number {
  if (code in REEL_ERROR_NUMBERS) return -REEL_ERROR_NUMBERS[code as ReelErrorCode];
  if (code in ERRNO) return -ERRNO[code as ErrnoName];
  const number = Number(code.slice(1));
  return Number.isInteger(number) && number > 0 && number < 4096 ? -number : -ERRNO.EIO;
}

export interface ReelErrorOptions {
  /** What to do about it, as one imperative sentence. */
  mend?: string;
  /** Facts for programs: the operation, the handle, the values found and wanted. */
  details?: Readonly<Record<string, unknown>>;
  cause?: unknown;
}

/**
 * The one error class of ioreel. Branch on `code`, which is stable; the message is for people and
 * may change. Wrong arguments are a `TypeError` or `RangeError` instead: they are mistakes of the
 * calling program and are not meant to be caught.
 */
export class ReelError extends Error {
  readonly code: ErrorCode;
  readonly mend: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: ReelErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "ReelError";
    this.code = code;
    this.mend = options.mend;
    this.details = options.details ?? {};
  }
}

/**
 * A place or an amount that what is open does not have: an offset between two blocks of a disk, a
 * write past its end. A mistake of the calling program, as any `RangeError`; it says what was found
 * and what was wanted, and has the code that the operation's result stands for.
 */
export class OutOfRangeError extends RangeError {
  readonly code = "ERR_OUT_OF_RANGE";
  readonly mend: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(message: string, options: { mend: string; details: ReelErrorOptions["details"] }) {
    super(message);
    this.mend = options.mend;
    this.details = options.details ?? {};
  }
}

/** Whether a value is a {@link ReelError}, with the given code if one is named. */
export function isReelError(value: unknown, code?: ErrorCode): value is ReelError {
  return value instanceof ReelError && (code === undefined || value.code === code);
}
