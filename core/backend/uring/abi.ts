/**
 * The numbers of Linux's io_uring interface that ioreel uses: system calls, flags, structure
 * offsets. Source: Linux 6.18, include/uapi/linux/io_uring.h, unless a line names another header.
 * The kernel that first knew a set-up flag stands beside it, because set-up drops the newest first.
 */

/** System call numbers, the same on every architecture since Linux 5.1 (asm-generic/unistd.h). */
export const SYS_IO_URING_SETUP = 425;
export const SYS_IO_URING_ENTER = 426;
export const SYS_IO_URING_REGISTER = 427;

/** Flags of io_uring_setup(2). */
export const SETUP_FLAG = {
  CQSIZE: 1 << 3, // 5.5: the caller chooses the size of the completion queue
  SUBMIT_ALL: 1 << 7, // 5.18: a refused request does not end the batch
  COOP_TASKRUN: 1 << 8, // 5.19: no interrupt to run completions, the next system call does it
  TASKRUN_FLAG: 1 << 9, // 5.19: SQ_TASKRUN says that such a system call is due
  SINGLE_ISSUER: 1 << 12, // 6.0: one thread only
  DEFER_TASKRUN: 1 << 13, // 6.1: completions are run in io_uring_enter with GETEVENTS only
  NO_MMAP: 1 << 14, // 6.5: the rings live in memory of the caller
  NO_SQARRAY: 1 << 16, // 6.6: no indirection between the submission ring and its entries
} as const;
export type SetupFlagName = keyof typeof SETUP_FLAG;

/** Largest queues that io_uring_setup accepts (IORING_MAX_ENTRIES, io_uring/io_uring.h). */
export const MAX_SUBMISSION_ENTRIES = 32768;
export const MAX_COMPLETION_ENTRIES = 2 * MAX_SUBMISSION_ENTRIES;

/** Features that set-up reports. */
export const FEATURE = {
  SINGLE_MMAP: 1 << 0, // 5.4
  NODROP: 1 << 1, // 5.5: completions wait in the kernel when the queue is full
  SUBMIT_STABLE: 1 << 2, // 5.5: what a request points at need only live until it is submitted
  RW_CUR_POS: 1 << 3, // 5.6: offset -1 means the file's own position
  EXT_ARG: 1 << 8, // 5.11: io_uring_enter takes a timeout
} as const;
export type FeatureName = keyof typeof FEATURE;

/** struct io_uring_params: 120 bytes, as 32-bit words. */
export const PARAMS_WORDS = 30;
export const PARAMS = {
  SQ_ENTRIES: 0,
  CQ_ENTRIES: 1,
  FLAGS: 2,
  FEATURES: 5,
  SQ_HEAD: 10,
  SQ_TAIL: 11,
  SQ_FLAGS: 14,
  SQ_ARRAY: 16,
  SQ_USER_ADDRESS: 18, // two words: the entries, with NO_MMAP
  CQ_HEAD: 20,
  CQ_TAIL: 21,
  CQ_OVERFLOW: 24,
  CQ_CQES: 25,
  CQ_FLAGS: 26,
  CQ_USER_ADDRESS: 28, // two words: the rings, with NO_MMAP
} as const;

/** Offsets for mmap(2) of a ring that the kernel allocated. */
export const MMAP_OFFSET_RINGS = 0;
export const MMAP_OFFSET_ENTRIES = 0x10000000;

/** Bits of the submission ring's flags word, set by the kernel. */
export const SQ_CQ_OVERFLOW = 1 << 1;
export const SQ_TASKRUN = 1 << 2;
/** Bit of the completion ring's flags word, set by us: no eventfd notifications. */
export const CQ_EVENTFD_DISABLED = 1 << 0;

/** struct io_uring_sqe: 64 bytes. Word numbers of its fields. */
export const ENTRY_BYTES = 64;
export const ENTRY_WORDS_SHIFT = 4;
export const ENTRY = {
  OPCODE: 0, // opcode, flags << 8, ioprio << 16
  FD: 1,
  OFFSET: 2,
  ADDRESS: 4,
  LENGTH: 6,
  OP_FLAGS: 7,
  USER_DATA: 8,
  BUFFER: 10, // buf_group in the low half; nothing of ours in the high one, the personality
  FILE_INDEX: 11, // also splice_fd_in
} as const;
/** IOSQE_FIXED_FILE, placed as the flags below: the file is a registered one. */
export const ENTRY_FIXED_FILE = (1 << 0) << 8;
/** IOSQE_IO_LINK, placed in word 0 as the flags below: the next entry depends on this one. */
export const ENTRY_LINK = (1 << 2) << 8;
/** IOSQE_ASYNC: go to a worker thread without a first attempt. */
export const ENTRY_ASYNC = (1 << 4) << 8;
/** IOSQE_BUFFER_SELECT: take a buffer from the group that the entry names. */
export const ENTRY_BUFFER_SELECT = (1 << 5) << 8;
/** The opcode's priority word is the upper half of word 0. */
export const ENTRY_PRIORITY_SHIFT = 16;

/** struct io_uring_cqe: 16 bytes: user data in two words, result, flags. */
export const COMPLETION_BYTES = 16;
export const COMPLETION_WORDS_SHIFT = 2;
export const CQE_BUFFER = 1 << 0;
export const CQE_MORE = 1 << 1;
export const CQE_NONEMPTY = 1 << 2;
export const CQE_NOTIFICATION = 1 << 3;
/** The number of the buffer is the upper half of the flags. */
export const CQE_BUFFER_SHIFT = 16;

/** Flags of io_uring_enter(2). */
export const ENTER_GETEVENTS = 1 << 0;
export const ENTER_EXT_ARG = 1 << 3;
export const ENTER_REGISTERED_RING = 1 << 4;
/** struct io_uring_getevents_arg. */
export const GETEVENTS_ARG_BYTES = 24;

/** Operations of io_uring_register(2). */
export const REGISTER_EVENTFD = 4;
export const UNREGISTER_EVENTFD = 5;
export const REGISTER_PROBE = 8;
export const REGISTER_RING_FDS = 20;
export const UNREGISTER_RING_FDS = 21;
export const REGISTER_PBUF_RING = 22; // 5.19
export const UNREGISTER_PBUF_RING = 23;
export const REGISTER_SYNC_CANCEL = 24;

/** Registered files and buffers, in tables that are filled place by place (5.19). */
export const REGISTER_FILES2 = 13;
export const REGISTER_FILES_UPDATE2 = 14;
export const REGISTER_BUFFERS2 = 15;
export const REGISTER_BUFFERS_UPDATE = 16;
export const REGISTER_SPARSE = 1 << 0;
/** struct io_uring_rsrc_register and io_uring_rsrc_update2: 32 bytes each. */
export const RESOURCES_BYTES = 32;

/** struct io_uring_probe: a 16-byte head, then 8 bytes for each of up to 256 opcodes. */
export const PROBE_OPCODES = 256;
export const PROBE_HEAD_BYTES = 16;
export const PROBE_ENTRY_BYTES = 8;
export const PROBE_SUPPORTED = 1 << 0;

/** struct io_uring_buf_reg: 40 bytes. Address of the ring in two words, entries, group number. */
export const BUFFER_REGISTRATION_BYTES = 40;
/** struct io_uring_buf: 16 bytes: address in two words, length, number. */
export const BUFFER_ENTRY_BYTES = 16;
/** The ring's tail is the unused last 16 bits of its first entry. */
export const BUFFER_TAIL_HALF = 7;
export const BUFFER_ENTRIES_MAX = 1 << 15;

/** struct io_uring_sync_cancel_reg: 64 bytes. */
export const SYNC_CANCEL_BYTES = 64;

/** Flags of IORING_OP_ASYNC_CANCEL. */
export const CANCEL_ALL = 1 << 0; // 5.19
export const CANCEL_FD = 1 << 1; // 5.19
export const CANCEL_ANY = 1 << 2; // 5.19

/** Flags of IORING_OP_TIMEOUT and IORING_OP_TIMEOUT_REMOVE. */
export const TIMEOUT_ABS = 1 << 0;
export const TIMEOUT_UPDATE = 1 << 1;

/** Reads and writes move at most this many bytes (MAX_RW_COUNT, linux/fs.h). */
export const TRANSFER_MAX_BYTES = 0x7ffff000;

/** fcntl.h, sys/socket.h, sys/eventfd.h, linux/fs.h: the same on the machines Bun runs on. */
export const AT_FDCWD = -100;
export const O_CLOEXEC = 0o2000000;
export const O_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const EFD_CLOEXEC = 0o2000000;
export const EFD_NONBLOCK = 0o4000;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const FD_CLOEXEC = 1;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_SETPIPE_SZ = 1031;
export const F_GETPIPE_SZ = 1032;
export const SPLICE_F_NONBLOCK = 2;
export const RWF_NOWAIT = 8;
export const MSG_DONTWAIT = 0x40;

/** mmap(2): PROT_READ|PROT_WRITE and MAP_SHARED|MAP_POPULATE (asm-generic/mman.h). */
export const PROT_READ_WRITE = 3;
export const MAP_SHARED_POPULATE = 0x8001;

/** madvise(2): what is in these pages is not needed, the next touch gets new ones. */
export const MADV_DONTNEED = 4;

/** clock_gettime(2). */
export const CLOCK_MONOTONIC = 1;
