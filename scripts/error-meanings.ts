/**
 * What each error code means and what to do about it: the text of docs/reference/errors.md. A test
 * keeps the table complete; the codes themselves are in core/errors.ts.
 */
import type { ErrnoName, ReelErrorCode } from "../core/errors.ts";

export interface ErrorMeaning {
  /** What has happened, as a sentence. */
  meaning: string;
  /** What to do about it, as a sentence. */
  mend: string;
}

/** ioreel's own codes. */
export const REEL_MEANINGS: Readonly<Record<ReelErrorCode, ErrorMeaning>> = {
  ERR_CANCELLED: {
    meaning: "The operation or task was cancelled before it could finish.",
    mend: "Nothing, if you cancelled it; else look for who did: a scope that ended, a timeout.",
  },
  ERR_TABLE_FULL: {
    meaning: "Every descriptor of the table is in use, and the call was one that does not wait.",
    mend: "Release finished operations, wait in line with asyncStart, or enlarge the table.",
  },
  ERR_STACK_TOO_DEEP: {
    meaning: "An operation called layers within layers beyond the hard limit of its stack.",
    mend: "Look for a layer that calls itself; if the depth is real, raise the limit of pages.",
  },
  ERR_OPERATION_BUSY: {
    meaning: "The operation is still in flight, so it cannot be released.",
    mend: "Wait for it first; to be rid of it sooner, cancel it and then wait.",
  },
  ERR_BAD_HANDLE: {
    meaning: "The handle names no open resource or operation: it was released, or never existed.",
    mend: "Use a handle only until it is released or closed; look for a second release.",
  },
  ERR_BUFFER_BORROWED: {
    meaning: "The buffer is in use by an operation, so it cannot be lent again or disposed of.",
    mend: "Wait until that operation is complete, or use another buffer.",
  },
  ERR_PROVIDER_FAULT: {
    meaning: "A provider broke its contract: it threw, or asked for what it may not.",
    mend: "Report it to the provider's author with the message and its cause.",
  },
  ERR_CLOSED: {
    meaning: "The end or runtime is closed.",
    mend: "Use it before it is closed, or open it anew.",
  },
  ERR_CLOSING: {
    meaning: "The end or runtime is being closed and takes nothing new.",
    mend: "Start what is needed before closing.",
  },
  ERR_UNSUPPORTED: {
    meaning: "The provider or backend cannot do what was asked of it.",
    mend: "Ask `ioreel provider info <kind>` what it can do, or choose another backend.",
  },
  ERR_TIMEOUT: {
    meaning: "The time limit of an operation or a block was reached first.",
    mend: "Allow more time, or find out what it waited for.",
  },
  ERR_LOCK_POISONED: {
    meaning: "The lock's last holder was cancelled in the middle of a change.",
    mend: "Repair what the lock guards, then make a new lock.",
  },
  ERR_LIMIT: {
    meaning: "A fixed limit of ioreel was reached; the message names it.",
    mend: "Use less at once, or raise the limit where it is an option.",
  },
  ERR_DEADLOCK: {
    meaning: "Every task waits and nothing can ever happen again.",
    mend: "Read in the message what each task waits for: a missing writer, a close, a wake.",
  },
  ERR_DIVERGED: {
    meaning: "The replay came to a first operation that differs from the recording.",
    mend: "Compare the two values in the report; the program or its inputs have changed since.",
  },
  ERR_CORRUPT_RECORDING: {
    meaning: "The recording is truncated, damaged or no recording at all.",
    mend: "Take another copy; the message names the first bad segment.",
  },
  ERR_BACKEND_UNAVAILABLE: {
    meaning: "The backend that was asked for cannot be used on this machine.",
    mend: "Run `ioreel doctor` for the obstacle and its mend, or use `--backend emulated`.",
  },
  ERR_SCENARIO_INVALID: {
    meaning: "The scenario is malformed. Nothing was started.",
    mend: "Correct what the message points at; `ioreel check <file>` shows every problem.",
  },
  ERR_PLUGIN_INVALID: {
    meaning: "A plugin could not be loaded, or is no provider of this version's contract.",
    mend: "Read which of the two in the message; update the plugin or ioreel.",
  },
  ERR_STATE_CORRUPT: {
    meaning: "Saved state is damaged or belongs to something else. Nothing was restored.",
    mend: "Take another snapshot or another copy of the recording.",
  },
  ERR_STATE_VERSION: {
    meaning: "Saved state was written by a version whose layout this one does not know.",
    mend: "Use the version that wrote it, or one that can read it.",
  },
  ERR_NOT_RUNNING: {
    meaning: "The call needs a running task or runtime, and there is none.",
    mend: "Make the call inside `Runtime.run()`, before the runtime is closed.",
  },
  ERR_INTERRUPTED: {
    meaning: "The run was ended from outside, by Ctrl-C or a signal.",
    mend: "Nothing: everything was cancelled and closed, and a recording is readable.",
  },
  ERR_EXPECTATION: {
    meaning: "The run ended, and something that was expected of it does not hold.",
    mend: "Compare what was expected with what was found; the last line reproduces the run.",
  },
  ERR_BUFFER_CHANGED: {
    meaning: "A frozen buffer was written to while an operation was using it.",
    mend: "Leave a buffer alone from the start of an operation to its completion.",
  },
  ERR_MUTATION_CANCELLED: {
    meaning: "A change under a lock was cancelled half way.",
    mend: "Keep what must not be cut in one uninterrupted step.",
  },
  ERR_POLLED_AFTER_READY: {
    meaning: "A future was polled after it had given its result.",
    mend: "Keep the result and stop polling; each future gives it once.",
  },
  ERR_INCOMPATIBLE_RECORDING: {
    meaning: "The recording is sound, but was made by a version or plugin that differs.",
    mend: "Use the versions that the message names.",
  },
  ERR_USAGE: {
    meaning: "The command line or a call is not of the form that is wanted.",
    mend: "Correct what the message names; `--help` shows the form.",
  },
  ERR_STORE: {
    meaning: "The file of a recording could not be opened, written or read.",
    mend: "Check the path, its permissions and the space on the disk.",
  },
  ENOTFOUND: {
    meaning: "The host's name has no address of the family that was wanted.",
    mend: "Check the spelling, and which name servers this host asks.",
  },
  EAI_AGAIN: {
    meaning: "The resolver did not answer, so nobody knows whether the name has an address.",
    mend: "Check the network and the name servers of this host, then try again.",
  },
  ERR_WORKER_DIED: {
    meaning: "A thread of the pool ended before the task that it was given.",
    mend: "Look in the cause for what ended it; give the task again, to a fresh thread.",
  },
  ERR_OUT_OF_RANGE: {
    meaning: "An offset or a length does not fit what is open; it is raised as a `RangeError`.",
    mend: "Give whole blocks within the disk; the message names the block's size and the end.",
  },
  ERR_NONDETERMINISM: {
    meaning: "In a strict run, the program or a provider called what no replay can repeat.",
    mend: "Use what the message names instead; docs/determinism.md lists it all.",
  },
};

/** The kernel's codes, as ioreel's operations use them. */
export const ERRNO_MEANINGS: Readonly<Record<ErrnoName, string>> = {
  EPERM: "The operation is not permitted",
  ENOENT: "No such file or folder",
  EINTR: "A signal interrupted the call",
  EIO: "The device failed to read or write",
  ENXIO: "No such device or address",
  EBADF: "The file descriptor is closed or of the wrong kind",
  EAGAIN: "Nothing is ready now; try again",
  ENOMEM: "The kernel has no memory for it, or a locked-memory limit was reached",
  EACCES: "Permission denied",
  EFAULT: "A buffer lies outside of accessible memory",
  EBUSY: "The device or resource is busy",
  EEXIST: "The file exists",
  ENODEV: "No such device",
  ENOTDIR: "A part of the path is no folder",
  EISDIR: "It is a folder",
  EINVAL: "An argument is invalid",
  ENFILE: "The system has too many open files",
  EMFILE: "The process has too many open files",
  EFBIG: "The file would become too large",
  ENOSPC: "No space is left on the device",
  ESPIPE: "The file cannot seek",
  EROFS: "The file system is read-only",
  EPIPE: "Nobody reads the other end",
  ERANGE: "A result is out of range",
  ENAMETOOLONG: "The path is too long",
  ENOSYS: "The kernel does not have this call",
  ENOTEMPTY: "The folder is not empty",
  ELOOP: "The path follows too many symbolic links",
  ETIME: "The timer expired",
  ENONET: "The machine is on no network",
  EPROTO: "The protocol was violated",
  EOVERFLOW: "A value does not fit its type",
  ENOTSOCK: "The file is no socket",
  EDESTADDRREQ: "The socket needs an address to send to",
  EMSGSIZE: "The message is too long for the socket",
  EPROTOTYPE: "The protocol is of another type than the socket",
  ENOPROTOOPT: "The protocol has no such option",
  EPROTONOSUPPORT: "The kernel does not know the protocol",
  ESOCKTNOSUPPORT: "The kernel does not know this type of socket",
  EOPNOTSUPP: "The operation is not supported",
  EAFNOSUPPORT: "The kernel does not know this family of addresses",
  EADDRINUSE: "The address is in use",
  EADDRNOTAVAIL: "The address is none of this machine's",
  ENETDOWN: "The network is down",
  ENETUNREACH: "The network cannot be reached",
  ENETRESET: "The network dropped the connection",
  ECONNABORTED: "The connection was aborted",
  ECONNRESET: "The other side reset the connection",
  ENOBUFS: "No buffer is available",
  EISCONN: "The socket is connected already",
  ENOTCONN: "The socket is not connected",
  ESHUTDOWN: "The socket sends no more",
  ETIMEDOUT: "The other side did not answer in time",
  ECONNREFUSED: "The other side refused the connection",
  EHOSTDOWN: "The host is down",
  EHOSTUNREACH: "The host cannot be reached",
  EALREADY: "The request is already under way",
  EINPROGRESS: "The operation is in progress",
  ENOMEDIUM: "The drive holds no medium",
  ECANCELED: "The request was cancelled",
};
