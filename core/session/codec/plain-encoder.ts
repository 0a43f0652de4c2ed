/**
 * The encoder's ground: the buffer of the segment being filled, and the events whose fields are
 * written as they are. The frequent ones, whose fields are predicted, are in `encoder.ts`.
 */
import { ReelError } from "../../errors.ts";
import type { MissingPayload } from "../event.ts";
import { ByteWriter } from "./bytes.ts";
import { check, checkNumbers, checkSigned, checkTime, encodeText } from "./checks.ts";
import {
  CODEC_CHECKSUMS,
  CODEC_FIRST,
  EVENT_FIELDS_BYTES_MAX,
  FRAME_BYTES,
  OPCODE_MAX,
  PAYLOAD_BYTES_MAX,
  SLOT_MAX,
  STATE_PARTS_MAX,
  TAG,
  U32_MAX,
} from "./format.ts";
import { CodecModel } from "./model.ts";

export class PlainEncoder {
  protected readonly model = new CodecModel();
  readonly writer = new ByteWriter(FRAME_BYTES);
  /** The codec that the segment so far needs. */
  codec = CODEC_FIRST;
  #standard: Uint8Array = this.writer.bytes;

  /** Bytes in the segment so far. */
  get length(): number {
    return this.writer.at;
  }

  /** The session's clock after the last event. */
  get timeNs(): number {
    return this.model.timeNs;
  }

  /** The encoded bytes: a view that the next {@link reset} gives up. */
  get bytes(): Uint8Array {
    return this.writer.bytes.subarray(0, this.writer.at);
  }

  /**
   * Begins the next segment, at the clock where the last one ended.
   * @param room where to write it, FRAME_BYTES long; where the last one was if absent
   */
  reset(room: Uint8Array = this.#standard): void {
    this.#standard = room;
    this.writer.bytes = room;
    this.writer.at = 0;
    this.codec = CODEC_FIRST;
    this.model.reset(this.model.timeNs);
  }

  turn(steps: number, nowNs: number): void {
    check("steps", steps, Number.MAX_SAFE_INTEGER);
    checkTime(nowNs);
    this.writer.bytes[this.writer.at++] = TAG.TURN;
    this.writer.unsigned(steps);
    this.time(nowNs);
  }

  cancel(slot: number): void {
    check("slot", slot, SLOT_MAX);
    this.writer.bytes[this.writer.at++] = TAG.CANCEL;
    this.writer.unsigned(slot);
  }

  interrupt(line: number): void {
    check("line", line, SLOT_MAX);
    this.writer.bytes[this.writer.at++] = TAG.INTERRUPT;
    this.writer.unsigned(line);
  }

  expire(nowNs: number): void {
    checkTime(nowNs);
    this.writer.bytes[this.writer.at++] = TAG.EXPIRE;
    this.time(nowNs);
  }

  input(kind: number, value: number): void {
    check("input", kind, OPCODE_MAX);
    checkSigned("value", value);
    this.writer.bytes[this.writer.at++] = TAG.INPUT;
    this.writer.unsigned(kind);
    this.writer.signed(value);
  }

  clock(nowNs: number): void {
    checkTime(nowNs);
    this.writer.bytes[this.writer.at++] = TAG.CLOCK;
    this.time(nowNs);
  }

  host(
    call: number,
    args: readonly number[],
    results: readonly number[],
    bytes: Uint8Array | undefined,
  ): void {
    check("host call", call, OPCODE_MAX);
    checkNumbers("arguments", args);
    checkNumbers("results", results);
    if (bytes !== undefined) this.room(bytes.length);
    this.writer.bytes[this.writer.at++] = TAG.HOST;
    this.writer.unsigned(call);
    this.writer.numbers(args);
    this.writer.numbers(results);
    this.writer.unsigned(bytes === undefined ? 0 : bytes.length + 1);
    if (bytes !== undefined) this.writer.block(bytes);
  }

  /** @param tag TAG.MARK for a line of the program, TAG.END for the outcome of the run */
  text(tag: number, text: string): void {
    const bytes = encodeText(text);
    this.writer.bytes[this.writer.at++] = tag;
    this.writer.unsigned(bytes.length);
    this.writer.block(bytes);
  }

  /** Checksums of the engine's parts, 32 bits each. */
  state(digests: readonly number[]): void {
    check("parts of the state", digests.length, STATE_PARTS_MAX);
    for (const digest of digests) check("checksum", digest, U32_MAX);
    this.codec = CODEC_CHECKSUMS;
    this.room(digests.length * 4);
    this.writer.bytes[this.writer.at++] = TAG.STATE;
    this.writer.unsigned(digests.length);
    for (const digest of digests) this.writer.word(digest);
  }

  /** The complete or host event that is written next had this payload, which is not kept. */
  digested({ length, digest }: MissingPayload): void {
    check("length", length, PAYLOAD_BYTES_MAX);
    check("checksum", digest, U32_MAX);
    this.codec = CODEC_CHECKSUMS;
    this.writer.bytes[this.writer.at++] = TAG.DIGESTED;
    this.writer.unsigned(length);
    this.writer.word(digest);
  }

  protected time(nowNs: number): void {
    this.writer.signed(nowNs - this.model.timeNs);
    this.model.timeNs = nowNs;
  }

  /** Makes room for a payload behind what is there. The larger buffer lasts one segment. */
  protected room(payloadBytes: number): void {
    if (payloadBytes > PAYLOAD_BYTES_MAX) {
      throw new ReelError("ERR_LIMIT", `Cannot record a transfer of ${payloadBytes} bytes`, {
        mend: `Transfer at most ${PAYLOAD_BYTES_MAX} bytes at a time while recording`,
      });
    }
    this.writer.reserve(payloadBytes + EVENT_FIELDS_BYTES_MAX);
  }
}
