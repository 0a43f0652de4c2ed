/**
 * The transport's part of the machine's memory: control blocks in chunks, and blocks of a power of
 * two for streams, which are kept for reuse up to a limit. Everything is found from one page.
 */
import type { DriverContext } from "../../../core/provider/index.ts";
import { connectionLayout, rootLayout, type Connection, type Root } from "./layout.ts";

type Ram = DriverContext["machine"]["ram"];

export const CONNECTION_BYTES = connectionLayout.sizeBytes;
/** Control blocks of a chunk: 64. */
const CHUNK_SHIFT = 6;
const CHUNK_BYTES = CONNECTION_BYTES << CHUNK_SHIFT;
/** Addresses that the table of chunks holds: one page of them. */
export const CHUNKS_MAX = 1024;
/** Bound on connections in all states. */
export const CONNECTIONS_MAX = CHUNKS_MAX << CHUNK_SHIFT;
export const PAGE_BYTES = 4096;
/** Blocks of streams: 4 KiB to 128 MiB, one list of kept ones for each size. */
const BLOCK_SHIFT_MIN = 12;
const BLOCK_SHIFT_MAX = 27;
/** Bytes of kept blocks, beyond which a block goes back to the machine. */
export const KEPT_BYTES_MAX = 1 << 20;
/** The lists' heads lie behind the root's fields, in the same page. */
const KEPT_AT = Math.ceil(rootLayout.sizeBytes / 8) * 8;

export class TransportMemory {
  readonly ram: Ram;
  readonly u8: Uint8Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly root: Root;
  /** Address of the root's page; 0 before {@link bringUp}. */
  rootAt = 0;
  readonly #slab: Parameters<typeof rootLayout.view>[0];

  constructor(ram: Ram) {
    this.ram = ram;
    // One look at the first page gives the whole memory's buffer, without touching more of it.
    const buffer = ram.read(0, 1)!.buffer as SharedArrayBuffer;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.#slab = {
      buffer,
      u8: this.u8,
      i8: new Int8Array(buffer),
      u16: new Uint16Array(buffer),
      i16: new Int16Array(buffer),
      u32: this.u32,
      i32: new Int32Array(buffer),
    };
    this.root = rootLayout.view(this.#slab, "tcp.root");
  }

  /** Takes the root's page. @throws {ReelError} ENOMEM */
  bringUp(): void {
    this.adopt(this.allocate(PAGE_BYTES));
    this.root.chunks = this.allocate(CHUNKS_MAX * 4);
  }

  /** Finds a root's page again; 0 for none. */
  adopt(rootAt: number): void {
    this.rootAt = rootAt;
    this.root.$base = rootAt;
  }

  /** A view of a control block, to be pointed with {@link point}. */
  connection(): Connection {
    return connectionLayout.view(this.#slab, "tcp.connection");
  }

  /** Points a view at a control block. */
  point<C extends Connection>(view: C, number: number): C {
    view.$base = this.addressOf(number);
    return view;
  }

  /** Address of a control block. */
  addressOf(number: number): number {
    const index = number - 1;
    const chunk = this.u32[(this.root.chunks >> 2) + (index >> CHUNK_SHIFT)]!;
    return chunk + (index & ((1 << CHUNK_SHIFT) - 1)) * CONNECTION_BYTES;
  }

  /** Makes a chunk of free control blocks. @returns false when there is no memory for it */
  makeChunk(free: (number: number) => void): boolean {
    const { root } = this;
    const made = root.connectionsMade;
    if (made >= CONNECTIONS_MAX) return false;
    const chunk = this.tryAllocate(CHUNK_BYTES);
    if (chunk === 0) return false;
    this.u32[(root.chunks >> 2) + (made >> CHUNK_SHIFT)] = chunk;
    root.connectionsMade = made + (1 << CHUNK_SHIFT);
    for (let number = root.connectionsMade; number > made; number--) free(number);
    return true;
  }

  /** Takes pages. @throws {ReelError} ENOMEM */
  allocate(sizeBytes: number): number {
    const address = this.ram.allocate(sizeBytes);
    this.touch(address, sizeBytes);
    return address;
  }

  /** @returns the address of pages, or 0 when there are none */
  tryAllocate(sizeBytes: number): number {
    try {
      return this.allocate(sizeBytes);
    } catch {
      return 0;
    }
  }

  /** Tells the machine that memory is written from now on, so that snapshots hold it. */
  touch(address: number, sizeBytes: number): boolean {
    return this.ram.read(address, sizeBytes) !== undefined;
  }

  /**
   * Takes a block for a stream.
   * @param sizeBytes a power of two, from a page
   * @returns its address, or 0 when there is no memory for it
   */
  takeBlock(sizeBytes: number): number {
    const { root, u32 } = this;
    const head = this.#keptAt(sizeBytes);
    let address = u32[head]!;
    if (address === 0) address = this.tryAllocate(sizeBytes);
    else {
      u32[head] = u32[address >> 2]!;
      root.keptBytes -= sizeBytes;
    }
    if (address !== 0) root.blocksUsed += 1;
    return address;
  }

  /** Gives a block back. */
  giveBlock(address: number, sizeBytes: number): void {
    const { root, u32 } = this;
    root.blocksUsed -= 1;
    if (root.keptBytes + sizeBytes > KEPT_BYTES_MAX) {
      this.ram.free(address);
      return;
    }
    const head = this.#keptAt(sizeBytes);
    u32[address >> 2] = u32[head]!;
    u32[head] = address;
    root.keptBytes += sizeBytes;
  }

  /** Calls back with each chunk and each kept block, for whoever checks a restored memory. */
  eachChunk(visit: (address: number, sizeBytes: number) => void): void {
    const chunks = this.root.connectionsMade >> CHUNK_SHIFT;
    for (let i = 0; i < chunks; i++) visit(this.u32[(this.root.chunks >> 2) + i]!, CHUNK_BYTES);
  }

  eachKept(visit: (address: number, sizeBytes: number) => void): void {
    for (let shift = BLOCK_SHIFT_MIN; shift <= BLOCK_SHIFT_MAX; shift++) {
      let address = this.u32[this.#keptAt(2 ** shift)]!;
      while (address !== 0) {
        visit(address, 2 ** shift);
        address = this.u32[address >> 2]!;
      }
    }
  }

  /** Word of the head of the list of kept blocks of a size. */
  #keptAt(sizeBytes: number): number {
    return ((this.rootAt + KEPT_AT) >> 2) + (31 - Math.clz32(sizeBytes) - BLOCK_SHIFT_MIN);
  }
}
