/**
 * All buffers of a session: numbers them, finds conflicting loans of overlapping memory, and
 * notices buffers that were dropped without being disposed of.
 */
import { ReelError } from "../errors.ts";
import { Arena, type Block, type PinMemory } from "./arena.ts";
import { IoBuffer, type BufferHome, type BufferKind } from "./buffer.ts";

/** A buffer that the program dropped without disposing of it: its memory stays taken. */
export interface LeakedBuffer {
  readonly id: number;
  readonly kind: BufferKind;
  readonly sizeBytes: number;
}

/** Transient buffers hold as much at most. */
export const TRANSIENT_BYTES_MAX = 1 << 18;
const TRANSIENT_BYTES_MIN = 64;

/** Bytes of idle transient buffers that are kept of each size, and how many at most. */
const SPARE_BYTES_MAX = 1 << 20;
const SPARE_MAX = 256;

export class BufferPool implements BufferHome {
  readonly arena: Arena;
  readonly #pin: PinMemory;
  readonly #buffers: (IoBuffer | undefined)[] = [undefined];
  readonly #freeIds: number[] = [];
  /** Buffers that alias the caller's memory, by the memory behind them. */
  readonly #aliases = new Map<ArrayBufferLike, Set<IoBuffer>>();
  /** Idle transient buffers by the logarithm of their size. They keep their numbers. */
  readonly #spare: IoBuffer[][] = Array.from({ length: 32 }, () => []);
  #live = 0;
  /** While leaks are watched for: the buffers that nobody has lent, which may be dropped. */
  readonly #idle = new Map<number, WeakRef<IoBuffer>>();
  #dropped: FinalizationRegistry<LeakedBuffer> | undefined;
  onLoan: ((buffer: IoBuffer) => void) | undefined = undefined;

  constructor(pin: PinMemory, limitBytes?: number) {
    this.#pin = pin;
    this.arena = new Arena(pin, limitBytes);
  }

  /**
   * Looks for leaks from now on: buffers made later that the program drops without disposing of
   * them. Costs some hundred nanoseconds a buffer, so it is for tests and for the search.
   *
   * Not guaranteed: when a leak is noticed, or that it is before the process ends. The memory is
   * not used again, since the program may still have a window on it.
   * @param report called at some time after the garbage collector has found the buffer
   */
  watchLeaks(report: (leak: LeakedBuffer) => void): void {
    this.#dropped = new FinalizationRegistry(report);
    // A buffer that is lent is held for the operation; any other one only by the program.
    this.onLoan = (buffer) => {
      if (buffer.isBorrowed) this.#hold(buffer);
      else this.#watch(buffer);
    };
  }

  /** Buffers that are not disposed of. */
  get live(): number {
    return this.#live;
  }

  /** The buffer of a number. @throws {ReelError} ERR_BAD_HANDLE */
  get(id: number): IoBuffer {
    const buffer = this.#buffers[id] ?? this.#idle.get(id)?.deref();
    if (buffer === undefined) {
      throw new ReelError("ERR_BAD_HANDLE", `Cannot use buffer ${id}: no such buffer`, {
        mend: "Make a new buffer",
      });
    }
    return buffer;
  }

  /** Whether a buffer is one of this pool's, and not disposed of. */
  owns(buffer: IoBuffer): boolean {
    const { id } = buffer;
    return this.#buffers[id] === buffer || this.#idle.get(id)?.deref() === buffer;
  }

  /** Whether there is a live buffer of this number. */
  has(id: number): boolean {
    return this.#buffers[id] !== undefined || this.#idle.get(id)?.deref() !== undefined;
  }

  /** A buffer of the arena's own memory, zeroed. */
  owned(sizeBytes: number): IoBuffer {
    const block = this.arena.take(sizeBytes);
    block.bytes.fill(0);
    return this.#keep(new IoBuffer(this, this.#takeId(), "owned", block, undefined));
  }

  /**
   * A buffer over the caller's memory, for as long as the buffer lives. Memory of a
   * SharedArrayBuffer is used in place; memory of an ordinary ArrayBuffer, which may be detached or
   * moved, is copied in when an operation starts and out when it is done.
   */
  borrow(view: Uint8Array): IoBuffer {
    return this.#alias("borrowed", view);
  }

  /**
   * A buffer that begins with a copy of the caller's bytes, to be sent: the caller's memory is not
   * touched again. It costs less than borrowing, which has to keep account of who uses which
   * memory. Disposing of it keeps it for the next one.
   * @param bytes at most {@link TRANSIENT_BYTES_MAX}
   */
  transient(bytes: Uint8Array): IoBuffer {
    const sizeClass = 32 - Math.clz32(Math.max(bytes.length, TRANSIENT_BYTES_MIN) - 1);
    const buffer = this.#spare[sizeClass]!.pop() ?? this.#makeTransient(sizeClass);
    buffer.block.bytes.set(bytes);
    return this.#keep(buffer);
  }

  recycle(buffer: IoBuffer): boolean {
    const spare = this.#spare[buffer.block.sizeClass]!;
    const { sizeBytes } = buffer;
    const enough = spare.length === SPARE_MAX || (spare.length + 1) * sizeBytes > SPARE_BYTES_MAX;
    if (enough || this.#dropped !== undefined) return false;
    this.#buffers[buffer.id] = undefined;
    this.#live--;
    spare.push(buffer);
    return true;
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
    for (let id = 1; id < this.#buffers.length; id++) if (this.has(id)) yield this.get(id);
  }

  /**
   * Puts a buffer of a snapshot back under its number.
   * @throws {RangeError} when that is in use
   */
  adopt(id: number, contents: Uint8Array): IoBuffer {
    if (this.has(id)) throw new RangeError(`Cannot adopt buffer ${id}: it is in use`);
    const block = this.arena.take(contents.length);
    block.bytes.set(contents);
    while (this.#buffers.length <= id) {
      this.#freeIds.push(this.#buffers.length);
      this.#buffers.push(undefined);
    }
    return this.#keep(new IoBuffer(this, id, "owned", block, undefined));
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
    if (this.#idle.delete(buffer.id)) this.#dropped?.unregister(buffer);
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
    // Bytes of another buffer are copied: that one may be disposed of and its memory reused.
    const owned = this.arena.owns(view.buffer);
    const shared = view.buffer instanceof SharedArrayBuffer && !owned;
    const block = shared ? pinned(view, this.#pin) : this.arena.take(view.length);
    const user = shared ? undefined : view;
    const buffer = this.#keep(new IoBuffer(this, this.#takeId(), kind, block, user, owned));
    const set = this.#aliases.get(view.buffer) ?? new Set();
    set.add(buffer);
    this.#aliases.set(view.buffer, set);
    return buffer;
  }

  #makeTransient(sizeClass: number): IoBuffer {
    const block = this.arena.take(2 ** sizeClass);
    const made = new IoBuffer(this, this.#takeId(), "owned", block, undefined);
    made.isTransient = true;
    return made;
  }

  #takeId(): number {
    for (;;) {
      const id = this.#freeIds.pop();
      if (id === undefined) return this.#buffers.length;
      // Numbers that a snapshot's buffers took are still on the list.
      if (!this.has(id)) return id;
    }
  }

  #keep(buffer: IoBuffer): IoBuffer {
    this.#buffers[buffer.id] = buffer;
    this.#live++;
    if (this.#dropped !== undefined) {
      const { id, kind, sizeBytes } = buffer;
      this.#dropped.register(buffer, { id, kind, sizeBytes }, buffer);
      this.#watch(buffer);
    }
    return buffer;
  }

  #hold(buffer: IoBuffer): void {
    this.#buffers[buffer.id] = buffer;
    this.#idle.delete(buffer.id);
  }

  #watch(buffer: IoBuffer): void {
    this.#buffers[buffer.id] = undefined;
    this.#idle.set(buffer.id, new WeakRef(buffer));
  }
}

function pinned(view: Uint8Array, pin: PinMemory): Block {
  // A view of its own: the caller's may be short enough for its bytes to move when it is touched.
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.length);
  return { bytes, address: pin(bytes), sizeClass: 0, offset: -1 };
}
