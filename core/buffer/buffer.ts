/**
 * Buffers and their borrow ledger. A buffer is lent to operations: to one that writes into it or to
 * any number that read from it. While it is lent its memory is not reused and disposing of it
 * throws; the loan is over when the operation's completion is delivered, and not before.
 */
import { ReelError } from "../errors.ts";
import type { Block } from "./arena.ts";

/**
 * How a buffer came to be:
 * `owned` memory belongs to ioreel's arena; `borrowed` aliases the caller's memory for as long as
 * the buffer lives; `frozen` is the caller's memory that must not change until it is disposed of.
 */
export type BufferKind = "owned" | "borrowed" | "frozen";

/** What the buffer asks of the pool that made it. */
export interface BufferHome {
  release(buffer: IoBuffer): void;
  /** Whether memory that overlaps this buffer's is lent elsewhere in a way that conflicts. */
  overlapsLoan(buffer: IoBuffer, write: boolean): boolean;
}

export class IoBuffer {
  /** The number by which descriptors name the buffer: 1 to 2³² − 1, reused after disposal. */
  readonly id: number;
  readonly kind: BufferKind;
  /** The memory that the kernel or the device sees. */
  readonly block: Block;
  /** The caller's memory, when it cannot be pinned and is copied to and from the block. */
  readonly user: Uint8Array | undefined;
  readonly #home: BufferHome;
  readonly #view: Uint8Array;
  #readers = 0;
  #writer = false;
  #disposed = false;
  #frozenCrc: number | undefined;

  constructor(
    home: BufferHome,
    id: number,
    kind: BufferKind,
    block: Block,
    user: Uint8Array | undefined,
  ) {
    this.#home = home;
    this.id = id;
    this.kind = kind;
    this.block = block;
    this.user = user;
    this.#view = user ?? block.bytes;
    if (kind === "frozen") this.#frozenCrc = Bun.hash.crc32(this.#view);
  }

  /**
   * The buffer's bytes, for the program. While {@link isBorrowed}, reading them may show a transfer
   * half done, and writing to them changes what is being sent.
   */
  get bytes(): Uint8Array {
    if (this.#disposed) throw badBuffer(this.id, "it was disposed of");
    return this.#view;
  }

  get sizeBytes(): number {
    return this.#view.length;
  }

  /** Whether an operation in flight uses the memory. */
  get isBorrowed(): boolean {
    return this.#writer || this.#readers > 0;
  }

  /** Whether the operation that uses the memory writes into it. */
  get isLentForWriting(): boolean {
    return this.#writer;
  }

  get isDisposed(): boolean {
    return this.#disposed;
  }

  /**
   * Lends the memory to an operation. Called by the engine when the operation starts.
   * @param write whether the operation writes into the memory (it reads from a device)
   * @throws {ReelError} ERR_BUFFER_BORROWED when another operation's use conflicts
   */
  lend(write: boolean): void {
    if (this.#disposed) throw badBuffer(this.id, "it was disposed of");
    if (write && this.kind === "frozen")
      throw badBuffer(this.id, "it is frozen: nothing may write it");
    if (this.#writer || (write && this.#readers > 0) || this.#home.overlapsLoan(this, write)) {
      throw new ReelError(
        "ERR_BUFFER_BORROWED",
        `Cannot lend buffer ${this.id} for ${write ? "writing" : "reading"}: ` +
          (this.#writer ? "an operation writes into it" : "operations in flight use its memory"),
        { mend: "Wait for the operation that uses it, or give each operation a buffer of its own" },
      );
    }
    // A short buffer's bytes are taken here, so the caller may change them as soon as the call
    // that started the operation returns.
    if (this.user !== undefined && !write) this.block.bytes.set(this.user);
    if (write) this.#writer = true;
    else this.#readers++;
  }

  /**
   * Ends a loan. Called by the engine before the completion is delivered.
   * @param write as when it was lent
   * @param at first byte that the operation may have written
   * @param count how many bytes it wrote
   */
  settle(write: boolean, at: number, count: number): void {
    if (write) {
      this.#writer = false;
      if (this.user !== undefined && count > 0) {
        this.user.set(this.block.bytes.subarray(at, at + count), at);
      }
    } else if (this.#readers > 0) {
      this.#readers--;
    }
  }

  /**
   * Gives the memory back.
   * @throws {ReelError} ERR_BUFFER_BORROWED while an operation uses it; the memory stays as it is
   * @throws {ReelError} ERR_BUFFER_CHANGED when frozen memory is not what it was
   */
  dispose(): void {
    if (this.#disposed) return;
    if (this.isBorrowed) {
      throw new ReelError(
        "ERR_BUFFER_BORROWED",
        `Cannot dispose of buffer ${this.id}: an operation in flight uses its memory`,
        { mend: "Wait for the operation, or cancel it and wait for its completion" },
      );
    }
    const changed = this.#frozenCrc !== undefined && Bun.hash.crc32(this.#view) !== this.#frozenCrc;
    this.#disposed = true;
    this.#home.release(this);
    if (changed) {
      throw new ReelError(
        "ERR_BUFFER_CHANGED",
        `Cannot unfreeze buffer ${this.id}: its ${this.sizeBytes} bytes changed while frozen`,
        { mend: "Do not write to memory between freezing and unfreezing it" },
      );
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function badBuffer(id: number, why: string): ReelError {
  return new ReelError("ERR_BAD_HANDLE", `Cannot use buffer ${id}: ${why}`, {
    mend: "Make a new buffer",
  });
}
