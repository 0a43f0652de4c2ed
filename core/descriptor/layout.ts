/**
 * Where everything lies in the descriptor table's slab. A slot is a header of 32 words of 32 bits
 * and a stack page of 1 KiB; all of it is numbers, so a snapshot of the table is a copy of bytes.
 */

/** log2 of a header's size in 32-bit words. */
export const HEADER_SHIFT = 5;
export const HEADER_WORDS = 1 << HEADER_SHIFT;
/** log2 of a header's size in doubles. */
export const DOUBLE_SHIFT = HEADER_SHIFT - 1;
export const PAGE_BYTES = 1024;
/** The AsyncStack of the notes: 127 words of 8 bytes; the page's first word is its own header. */
export const STACK_WORDS = 127;

/** Header words, as indices from the slot's first. */
export const STATE = 0;
export const GENERATION = 1;
export const NEXT = 2;
export const PREVIOUS = 3;
/** The list that the slot is linked into, or -1. A slot is in at most one. */
export const LIST = 4;
export const PROVIDER = 5;
/** Index of the open end that the operation works on (the provider_handle of KAsyncDesc). */
export const END = 6;
/** Byte offset of the running frame's data, 0 when the stack is empty. */
export const TOP = 7;
export const BUFFER = 8;
/** Of a terminal slot: its outcome. Of a ready one: what its layer will see. */
export const RESULT = 9;
export const FLAGS = 10;
/** The task that waits for the operation, 0 for host code. */
export const OWNER = 11;
/** The slot that forked this one, or -1. */
export const PARENT = 12;
/** Forked children that are not terminal yet. */
export const CHILDREN = 13;
export const WAIT = 14;
/** What the wait names: a line, a list, a lock, a ring file. */
export const WAIT_ON = 15;
export const OPERATION = 16;
export const LENGTH = 17;
/** First byte of the buffer that the operation uses. */
export const BUFFER_AT = 18;
/** Byte offset of the stack page in use. */
export const PAGE = 19;
/** Overflow pages in use beyond the slot's own. */
export const PAGE_COUNT = 20;
/** The layer of the running frame. Frames below have theirs in the word before their data. */
export const LAYER = 21;
/** First lock that the operation holds, or -1; the rest are linked through the locks. */
export const HELD = 22;
/** Doubles, as indices from the slot's first double. */
export const OFFSET_F64 = 12;
/** Bytes moved in the operation's lifetime, over all its rounds. */
export const BYTES_F64 = 13;
/** Numbers that 32 bits cannot hold: the sum of forks, the outcome of a layer that is finishing. */
export const SUM_F64 = 14;
export const ARGUMENT_F64 = 15;

/** Slot states (design §3). */
export const FREE = 0;
export const STARTING = 1;
export const IN_FLIGHT = 2;
export const TERMINAL = 3;

/** Flags. */
export const FLAG_CANCEL = 1;
/** The operation brings bytes into its buffer. */
export const FLAG_READ = 2;
/** A ring request stays armed for further completions. */
export const FLAG_ARMED = 4;
export const FLAG_DEADLINE = 8;
/** The deadline fired and the ring request's cancellation is on its way. */
export const FLAG_TIMED_OUT = 16;
/** Terminal, and its settlement was handed out. */
export const FLAG_DELIVERED = 32;
/** Released by itself once delivered: nobody holds its handle. */
export const FLAG_AUTO_RELEASE = 64;
/** A fork of this operation failed: its siblings are being cancelled. */
export const FLAG_FORK_FAILED = 128;
/** The running layer is over, but its armed request must end before it may be left. */
export const FLAG_FINISHING = 256;
/** Somebody waits for this operation by its handle. */
export const FLAG_WATCHED = 512;
/** A layer broke the rules; the error is kept until the operation settles. */
export const FLAG_FAULT = 1024;
/** The operation sends its buffer's bytes. */
export const FLAG_WRITE = 2048;
/** The running layer has made forks, and not yet said that it waits for them. */
export const FLAG_FORKED = 4096;
/** The whole operation ends with RESULT as soon as its request or its forks are over. */
export const FLAG_ENDING = 8192;
/** The running layer has asked for the end of its armed request, and goes on after it. */
export const FLAG_DISARMED = 16384;
/** The operation, which has no buffer, has brought bytes: they wait to be handed out with it. */
export const FLAG_BROUGHT = 32768;
export const FLAGS_ALL = 2 * FLAG_BROUGHT - 1;
/** Flags that say how the request of the running layer stands: they go with it. */
export const FLAGS_OF_REQUEST = FLAG_FINISHING | FLAG_ARMED | FLAG_TIMED_OUT | FLAG_DISARMED;
/** Flags of how an operation was started and what it brought: nothing about how it runs. */
export const FLAGS_AT_START =
  FLAG_READ | FLAG_WRITE | FLAG_AUTO_RELEASE | FLAG_WATCHED | FLAG_BROUGHT;

/** List records: 8 words of 32 bits each. */
export const LIST_SHIFT = 3;
export const LIST_WORDS = 1 << LIST_SHIFT;
export const LIST_HEAD = 0;
export const LIST_TAIL = 1;
export const LIST_COUNT = 2;
/** The slot that holds the lock that this list belongs to, or -1. */
export const LIST_OWNER = 3;
/** The next lock that the same slot holds, or -1. */
export const LIST_NEXT_HELD = 4;
/** What the list is: one of the kinds below; 0 when the record is free. */
export const LIST_KIND = 5;
/** Next free list record. */
export const LIST_NEXT_FREE = 6;

/** End records: 8 words of 32 bits each. */
export const END_SHIFT = 3;
export const END_WORDS = 1 << END_SHIFT;
export const ENDS_MAX = 65536;
export const END_PROVIDER = 2;
/** Operations in flight on the end. */
export const END_IN_FLIGHT = 5;
/** The slot of the operation that was started last on the end; it may be over. */
export const END_LAST = 7;

/** Counters: doubles, in this order. */
export const COUNT_SETTLED = 0;
export const COUNT_TRANSITIONS = 1;
export const COUNT_STALE = 2;
export const COUNT_FAULTS = 3;
export const COUNT_TABLE_FULL_WAITS = 4;
export const COUNT_QUEUE_STALLS = 5;
export const COUNTERS = 8;

export const LIST_KIND_FREE = 0;
export const LIST_KIND_INTERRUPT = 1;
export const LIST_KIND_QUEUE = 2;
export const LIST_KIND_LOCK = 3;
export const LIST_KIND_READY = 4;

/** What a slot waits for. */
export const WAIT_NOTHING = 0;
export const WAIT_READY = 1;
export const WAIT_RING = 2;
export const WAIT_INTERRUPT = 3;
export const WAIT_LOCK = 4;
export const WAIT_QUEUE = 5;
export const WAIT_TIMER = 6;
export const WAIT_CHILDREN = 7;

/** Words that name a wait in reports. */
export const WAIT_NAMES = [
  "nothing",
  "its turn",
  "a ring request",
  "interrupt line",
  "lock",
  "queue",
  "a timer",
  "its forks",
] as const;

/** Interrupt lines that the table keeps waker lists for: their list numbers are the lines. */
export const LINES_MAX = 64;
