/**
 * Messages to a ring from threads that it does not belong to (IORING_REGISTER_SEND_MSG_RING, Linux
 * 6.13): a completion appears in it, and whoever waits in the kernel for one goes on. The sender
 * needs no ring of its own.
 */
import { ptr } from "bun:ffi";

import { ENTRY, ENTRY_BYTES, SYS_IO_URING_REGISTER } from "./abi.ts";
import { libc } from "./libc.ts";
import { OWN_MESSAGE } from "./user-data.ts";

const REGISTER_SEND_MSG_RING = 31;
const OP_MSG_RING = 40;
/** Stands for no ring of the sender's. */
const NO_RING = -1;

/** Sends messages to one ring. Belongs to the thread that made it. */
export class RingMessenger {
  readonly #entry = new Int32Array(new SharedArrayBuffer(ENTRY_BYTES));
  readonly #address = ptr(this.#entry);

  /** @param fd the descriptor of the ring */
  constructor(fd: number) {
    this.#entry[ENTRY.OPCODE] = OP_MSG_RING;
    this.#entry[ENTRY.FD] = fd;
    this.#entry[ENTRY.OFFSET] = OWN_MESSAGE;
  }

  /** Sends one. @returns 0, or a negative error number: -EINVAL where the kernel cannot */
  send(): number {
    const { register, errno } = libc();
    const result = register(
      SYS_IO_URING_REGISTER,
      NO_RING,
      REGISTER_SEND_MSG_RING,
      this.#address,
      1,
    );
    return result < 0 ? -errno() : 0;
  }
}
