/** What the definitions of all disks have in common: their one end, and what the ring must do. */
import { OPCODE } from "../../core/provider/index.ts";

/** The one end of a disk. */
export const DISK_ENDS = {
  main: {
    operations: [
      "read",
      "write",
      "flush",
      "discard",
      "identify",
      "suspend",
      "resume",
      "eject",
      "insert",
    ],
  },
} as const;

/** What a disk on io_uring asks of the kernel. */
export const DISK_OPCODES = [OPCODE.READ, OPCODE.WRITE, OPCODE.FSYNC, OPCODE.FALLOCATE] as const;
