/**
 * A disk's part of the machine's memory: command list, received FISes, command tables, and a buffer
 * for each tag. Everything of a command that does not change from command to command is written
 * once, so that starting one is a handful of stores.
 *
 * References: [AHCI] 4.2 (layout), 5.5 (building commands).
 */
import { copyPart } from "../../disk/copy-part.ts";
import type { TaskFile } from "../../disk/drive/drive.ts";
import { writeTask } from "../fis.ts";
import * as R from "../registers.ts";

/** The most that one command moves: longer operations take several, one after the other. */
export const CHUNK_BYTES = 64 * 1024;
const FIS_AT = 0x0400;
const SAVED_HEADER_AT = 0x0800;
const TABLES_AT = 0x1000;
/** Header, command FIS, packet, and one region: data lie in one piece. */
const TABLE_BYTES = 0x100;
const PACKET_BYTES = 16;
const INTERNAL_TABLE_AT = TABLES_AT + R.SLOTS * TABLE_BYTES;
const INTERNAL_DATA_AT = 0x4000;
const BUFFERS_AT = 0x5000;
export const INTERNAL_BYTES = BUFFERS_AT - INTERNAL_DATA_AT;

/** Bytes of memory that a disk with so many tags needs. */
export function areaBytes(tags: number): number {
  return BUFFERS_AT + tags * CHUNK_BYTES;
}

export class PortArea {
  /** Its address in the machine's memory. */
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;

  /** @param bytes a live view of the memory */
  constructor(address: number, bytes: Uint8Array) {
    this.address = address;
    this.bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  get fisAddress(): number {
    return this.address + FIS_AT;
  }

  /** Writes what stays: headers point at tables, tables at buffers. */
  prepare(tags: number): void {
    for (let tag = 0; tag < tags; tag++) {
      this.#pointHeader(tag, TABLES_AT + tag * TABLE_BYTES);
      this.#pointRegion(TABLES_AT + tag * TABLE_BYTES, this.bufferAt(tag));
    }
    this.#pointRegion(INTERNAL_TABLE_AT, INTERNAL_DATA_AT);
  }

  /** Where a tag's buffer begins in {@link bytes}. */
  bufferAt(tag: number): number {
    return BUFFERS_AT + tag * CHUNK_BYTES;
  }

  /** Where the data of internal commands are in {@link bytes}. */
  get internalAt(): number {
    return INTERNAL_DATA_AT;
  }

  /** Builds a command on a tag's buffer. */
  build(tag: number, task: TaskFile, dataBytes: number, write: boolean): void {
    this.#fill(tag, TABLES_AT + tag * TABLE_BYTES, task, dataBytes, write);
  }

  /** Puts a packet into a tag's command, PACKET: opcode, address, count ([AHCI] 4.2.3.2). */
  putPacket(tag: number, opcode: number, lba: number, count: number): void {
    this.#putPacket(tag, TABLES_AT + tag * TABLE_BYTES, opcode, lba, count);
  }

  /** Puts a packet into the driver's own command, which is PACKET. */
  putInternalPacket(opcode: number): void {
    this.#putPacket(0, INTERNAL_TABLE_AT, opcode, 0, 0);
  }

  #putPacket(slot: number, table: number, opcode: number, lba: number, count: number): void {
    const at = table + R.TABLE_ACMD;
    this.bytes.fill(0, at, at + PACKET_BYTES);
    this.bytes[at] = opcode;
    for (let i = 0; i < 4; i++) {
      this.bytes[at + 2 + i] = lba >>> (24 - 8 * i);
      this.bytes[at + 6 + i] = count >>> (24 - 8 * i);
    }
    this.#words[(slot * R.HEADER_BYTES) / 4]! |= R.HEADER_A;
  }

  /** Builds a command in slot 0 that the driver itself wants, keeping what stood there. */
  buildInternal(task: TaskFile, dataBytes: number, write: boolean): void {
    this.bytes.copyWithin(SAVED_HEADER_AT, 0, R.HEADER_BYTES);
    this.#pointHeader(0, INTERNAL_TABLE_AT);
    this.#fill(0, INTERNAL_TABLE_AT, task, dataBytes, write);
  }

  /** Puts back what {@link buildInternal} found in slot 0. */
  endInternal(): void {
    this.bytes.copyWithin(0, SAVED_HEADER_AT, SAVED_HEADER_AT + R.HEADER_BYTES);
  }

  /** Brings a program's bytes to where the device reads them. */
  take(source: Uint8Array, from: number, at: number, count: number): void {
    copyPart.call(source, this.bytes, at, from, from + count);
  }

  #pointHeader(slot: number, table: number): void {
    const word = (slot * R.HEADER_BYTES) / 4;
    this.#words[word + 2] = this.address + table;
    this.#words[word + 3] = 0;
  }

  #pointRegion(table: number, data: number): void {
    const word = (table + R.TABLE_PRDT) / 4;
    this.#words[word] = this.address + data;
    this.#words[word + 1] = 0;
  }

  #fill(slot: number, table: number, task: TaskFile, dataBytes: number, write: boolean): void {
    const header = (slot * R.HEADER_BYTES) / 4;
    const regions = dataBytes > 0 ? 1 << R.HEADER_PRDTL_SHIFT : 0;
    this.#words[header] = 5 | (write ? R.HEADER_W : 0) | regions;
    this.#words[header + 1] = 0;
    writeTask(this.bytes, table, task);
    if (dataBytes > 0) this.#words[(table + R.TABLE_PRDT) / 4 + 3] = dataBytes - 1;
  }
}
