/**
 * All buffers of a session: numbers them, finds conflicting loans of overlapping memory, and
 * notices buffers that were dropped without being disposed of.
 */
import { ReelError } from "../errors.ts";
import { Arena, type Block, type PinMemory } from "./arena.ts";
import { IoBuffer, type BufferHome, type BufferKind } from "./buffer.ts";

/** Plain memory up to this size is always copied before the call returns. */
export const SHORT_BYTES_MAX = 4096;

export class BufferPool implements BufferHome {
  readonly arena: Arena;
  readonly #pin: PinMemory;
  readonly #buffers: (IoBuffer | undefined)[] = [undefined];
  readonly #freeIds: number[] = [];
  /** Buffers that alias the caller's memory, by the memory behind them. */
  readonly #aliases = new Map<ArrayBufferLike, Set<IoBuffer>>();
  #live = 0;

  constructor(pin: PinMemory, limitBytes?: number) {
    this.#pin = pin;
    this.arena = new Arena(pin, limitBytes);
  }

  /** Buffers that are not disposed of. */
  get live(): number {
    return this.#live;
  }

  /** The buffer of a number. @throws {ReelError} ERR_BAD_HANDLE */
  get(id: number): IoBuffer {
    const buffer = this.#buffers[id];
    if (buffer === undefined) {
      throw new ReelError("ERR_BAD_HANDLE", `Cannot use buffer ${id}: no such buffer`, {
        mend: "Make a new buffer",
      });
    }
    return buffer;
  }

  /** Whether a buffer is one of this pool's, and not disposed of. */
  owns(buffer: IoBuffer): boolean {
    return this.#buffers[buffer.id] === buffer;
  }

  /** A buffer of the arena's own memory, zeroed. */
  owned(sizeBytes: number): IoBuffer {
    const block = this.arena.take(sizeBytes);
    block.bytes.fill(0);
    return this.#add("owned", block, undefined);
  }

  /**
   * A buffer over the caller's memory, for as long as the buffer lives. Memory of a
   * SharedArrayBuffer is used in place; memory of an ordinary ArrayBuffer, which may be detached or
   * moved, is copied in when an operation starts and out when it is done.
   */
  borrow(view: Uint8Array): IoBuffer {
    return this.#alias("borrowed", view);
  }

  /** Like {@link borrow}, but nothing may change the memory until the buffer is disposed of. */
  freeze(view: Uint8Array): IoBuffer {
    return this.#alias("frozen", view);
  }

  /** The memory behind an absolute address, for a recorder. */
  resolve(address: number, length: number): Uint8Array | undefined {
    const bytes = this.arena.resolve(address, length);
    if (bytes !== undefined) return bytes;
    for (const buffers of this.#aliases.values()) {
      for (const { block } of buffers) {
        const at = address - block.address;
        if (at >= 0 && at + length <= block.bytes.length)
          return block.bytes.subarray(at, at + length);
      }
    }
    return undefined;
  }

  /** Live buffers, lowest number first. */
  *all(): Iterable<IoBuffer> {
    for (const buffer of this.#buffers) if (buffer !== undefined) yield buffer;
  }

  /** Puts a buffer of a snapshot back under its number. */
  adopt(id: number, contents: Uint8Array): IoBuffer {
    const block = this.arena.take(contents.length);
    block.bytes.set(contents);
    while (this.#buffers.length < id) {
      this.#freeIds.unshift(this.#buffers.length);
      this.#buffers.push(undefined);
    }
    const place = this.#freeIds.indexOf(id);
    if (place !== -1) this.#freeIds.splice(place, 1);
    const buffer = new IoBuffer(this, id, "owned", block, undefined);
    this.#buffers[id] = buffer;
    this.#live++;
    return buffer;
  }

  overlapsLoan(buffer: IoBuffer, write: boolean): boolean {
    if (buffer.kind === "owned") return false;
    const view = buffer.bytes;
    for (const other of this.#aliases.get(view.buffer) ?? []) {
      if (other === buffer) continue;
      const theirs = other.bytes;
      const apart =
        theirs.byteOffset + theirs.length <= view.byteOffset ||
        view.byteOffset + view.length <= theirs.byteOffset;
      if (apart) continue;
      if (other.isLentForWriting || (write && (other.isBorrowed || other.kind === "frozen"))) {
        return true;
      }
    }
    return false;
  }

  release(buffer: IoBuffer): void {
    this.#buffers[buffer.id] = undefined;
    this.#freeIds.push(buffer.id);
    this.#live--;
    const view = buffer.user ?? buffer.block.bytes;
    if (buffer.kind !== "owned") {
      const set = this.#aliases.get(view.buffer);
      set?.delete(buffer);
      if (set?.size === 0) this.#aliases.delete(view.buffer);
    }
    if (buffer.kind === "owned" || buffer.user !== undefined) this.arena.give(buffer.block);
  }

  #alias(kind: BufferKind, view: Uint8Array): IoBuffer {
    if (!(view instanceof Uint8Array)) {
      throw new TypeError("Cannot make a buffer: give the memory as a Uint8Array");
    }
    const shared = view.buffer instanceof SharedArrayBuffer;
    const buffer = shared
      ? this.#add(kind, pinned(view, this.#pin), undefined)
      : this.#add(kind, this.arena.take(view.length), view);
    const set = this.#aliases.get(view.buffer) ?? new Set();
    set.add(buffer);
    this.#aliases.set(view.buffer, set);
    return buffer;
  }

  #add(kind: BufferKind, block: Block, user: Uint8Array | undefined): IoBuffer {
    const id = this.#freeIds.pop() ?? this.#buffers.length;
    const buffer = new IoBuffer(this, id, kind, block, user);
    this.#buffers[id] = buffer;
    this.#live++;
    return buffer;
  }
}

function pinned(view: Uint8Array, pin: PinMemory): Block {
  // A view of its own: the caller's may be short enough for its bytes to move when it is touched.
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.length);
  return { bytes, address: pin(bytes), sizeClass: 0, offset: -1 };
}
