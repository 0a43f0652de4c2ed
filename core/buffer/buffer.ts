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
  /** Takes a transient buffer back for the next use. @returns false when it is to be disposed of */
  recycle(buffer: IoBuffer): boolean;
  /** Called when the first loan begins and when the last one ends, if anybody looks for leaks. */
  readonly onLoan: ((buffer: IoBuffer) => void) | undefined;
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
  /** Whether operations may only read the memory: bytes that belong to another buffer. */
  readonly readOnly: boolean;
  /** Whether the pool made it for one operation at a time: no program ever holds it. */
  isTransient = false;
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
    readOnly = false,
  ) {
    this.#home = home;
    this.readOnly = readOnly;
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
    if (write) this.#requireWritable();
    if (this.#writer || (write && this.#readers > 0) || this.#home.overlapsLoan(this, write)) {
      throw borrowed(
        `Cannot lend buffer ${this.id} for ${write ? "writing" : "reading"}: ` +
          (this.#writer ? "an operation writes into it" : "operations in flight use its memory"),
      );
    }
    // A short buffer's bytes are taken here, so the caller may change them as soon as the call
    // that started the operation returns.
    if (this.user !== undefined) this.#copyIn(this.user, write);
    const first = !this.isBorrowed;
    if (write) this.#writer = true;
    else this.#readers++;
    if (first && this.#home.onLoan !== undefined) this.#home.onLoan(this);
  }

  /** Puts the loans of a snapshot in place. The buffer is not lent. */
  restoreLoans(write: boolean, readers: number): void {
    this.#writer = write;
    this.#readers = readers;
    if (this.isBorrowed && this.#home.onLoan !== undefined) this.#home.onLoan(this);
  }

  /**
   * Ends a loan. Called by the engine before the completion is delivered.
   * @param write as when it was lent
   * @param at first byte that the operation may have written
   * @param count how many bytes it wrote
   * @returns false when they are lost, because the program took the memory away meanwhile
   */
  settle(write: boolean, at: number, count: number): boolean {
    let kept = true;
    if (write) {
      this.#writer = false;
      if (this.user !== undefined && count > 0) {
        // Memory that was detached or shrunk meanwhile has no place for the bytes any more.
        kept = at + count <= this.user.length;
        if (kept) this.user.set(this.block.bytes.subarray(at, at + count), at);
      }
    } else if (this.#readers > 0) {
      this.#readers--;
    }
    if (!this.isBorrowed && this.#home.onLoan !== undefined) this.#home.onLoan(this);
    return kept;
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
    if (this.isTransient && this.#home.recycle(this)) return;
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

  #requireWritable(): void {
    if (this.kind === "frozen") throw badBuffer(this.id, "it is frozen: nothing may write it");
    if (this.readOnly) {
      throw badBuffer(
        this.id,
        "its bytes are another buffer's: give that buffer itself, with `at` and `length`",
      );
    }
  }

  #copyIn(user: Uint8Array, write: boolean): void {
    const { bytes } = this.block;
    if (user.length !== bytes.length) {
      throw badBuffer(this.id, `its memory was ${bytes.length} bytes and is ${user.length} now`);
    }
    if (write) return;
    if (this.#readers === 0) {
      bytes.set(user);
    } else if (Bun.hash.crc32(bytes) !== Bun.hash.crc32(user)) {
      // The copy is what an operation in flight sends: it cannot become another one now.
      throw borrowed(`Cannot lend buffer ${this.id}: it changed while an operation sends it`);
    }
  }
}

function borrowed(text: string): ReelError {
  return new ReelError("ERR_BUFFER_BORROWED", text, {
    mend: "Wait for the operation that uses it, or give each operation a buffer of its own",
  });
}

function badBuffer(id: number, why: string): ReelError {
  return new ReelError("ERR_BAD_HANDLE", `Cannot use buffer ${id}: ${why}`, {
    mend: "Make a new buffer",
  });
}
