/**
 * `pipe`: a bounded stream of bytes from its writing end to its reading end, like pipe(2). On
 * io_uring it is the kernel's own pipe; on the emulated backend a ring in the machine's memory.
 *
 * References: [POSIX] IEEE Std 1003.1-2024, read() and write(); [pipe7] Linux manual page pipe(7).
 */
import { OPCODE, defineProvider, t, type Provider } from "../../core/provider/index.ts";
import { emulatedPipe } from "./emulated.ts";
import { uringPipe } from "./uring.ts";

/** A write of at most this many bytes is not mixed with other writers' ([pipe7], PIPE_BUF). */
export const ATOMIC_BYTES_MAX = 4096;
export const CAPACITY_BYTES_MIN = 4096;
/** The default limit of /proc/sys/fs/pipe-max-size ([pipe7]). */
export const CAPACITY_BYTES_MAX = 1 << 20;
export const CAPACITY_BYTES_DEFAULT = 1 << 16;

const options = t.Object(
  {
    capacityBytes: t.Integer({
      description: "Bytes that the pipe holds before a writer has to wait; whole pages, rounded up",
      minimum: CAPACITY_BYTES_MIN,
      maximum: CAPACITY_BYTES_MAX,
      default: CAPACITY_BYTES_DEFAULT,
    }),
  },
  { additionalProperties: false },
);

export type PipeEnds = "reader" | "writer";

export const pipe: Provider<typeof options, PipeEnds, "pipe"> = defineProvider({
  kind: "pipe",
  version: "0.1.0",
  stateVersion: 1,
  summary: "A bounded stream of bytes from a writing end to a reading end",
  options,
  operations: {
    read: {
      direction: "read",
      summary: "Takes what the pipe holds, waiting while it is empty; 0 bytes once it is closed",
    },
    write: {
      direction: "write",
      summary:
        "Puts all of the buffer into the pipe, waiting while it is full; EPIPE if nobody reads",
    },
  },
  ends: {
    reader: { operations: ["read"], summary: "Where bytes come out" },
    writer: { operations: ["write"], summary: "Where bytes go in" },
  },
  capabilities: {
    shortTransfers: true,
    cancel: true,
    closedWorld: true,
    restore: ["uring", "emulated"],
  },
  opcodes: [OPCODE.READ, OPCODE.WRITE],
  uring: uringPipe,
  emulated: emulatedPipe,
});

export default pipe;
