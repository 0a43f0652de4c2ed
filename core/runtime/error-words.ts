/** Why an operation failed, in words: what people read before they look a code up. */
import type { ErrorCode } from "../errors.ts";

const DESCRIPTIONS: Readonly<Partial<Record<ErrorCode, string>>> = {
  EACCES: "permission was denied",
  EADDRINUSE: "the address is in use",
  EADDRNOTAVAIL: "the address is not one of this host's",
  EAI_AGAIN: "the name server does not answer",
  EBADF: "it is no open descriptor",
  EBUSY: "somebody else uses it",
  ECANCELED: "it was cancelled",
  ECONNABORTED: "the connection was given up",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  EHOSTUNREACH: "the host cannot be reached",
  EINVAL: "an argument is out of range",
  EIO: "the device failed",
  EISCONN: "it is connected already",
  EMFILE: "the process has no descriptor left",
  ENAMETOOLONG: "the name is too long",
  ENETUNREACH: "the network cannot be reached",
  ENFILE: "the system has no descriptor left",
  ENOBUFS: "the system has no buffer left",
  ENODEV: "the device is gone",
  ENOENT: "nothing has that name",
  ENOMEDIUM: "there is no medium, or another one than before",
  ENOMEM: "the system has no memory left",
  ENOSPC: "no space is left",
  ENOTCONN: "it is not connected",
  ENOTFOUND: "no host has that name",
  EPIPE: "nobody reads from the other end",
  EROFS: "it cannot be written to",
  ERR_LIMIT: "too much waits already",
  ERR_OUT_OF_RANGE: "an argument is out of range",
  ERR_PROVIDER_FAULT: "the provider broke its contract",
  ERR_STACK_TOO_DEEP: "it is nested too deep",
  ERR_TABLE_FULL: "the descriptor table has no slot for its parts",
  ERR_UNSUPPORTED: "it cannot be done here",
  ETIME: "its time was up",
  ETIMEDOUT: "the other side did not answer in time",
};

/** A code with its meaning, if it has one: "the connection was reset (ECONNRESET)". */
export function describeCode(code: ErrorCode): string {
  const words = DESCRIPTIONS[code];
  return words === undefined ? code : `${words} (${code})`;
}
