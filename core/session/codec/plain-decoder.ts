/**
 * The decoder's ground: the fields of which events are made, each checked against the format's
 * bounds, and the events whose fields stand as they are. Those whose fields are predicted are in
 * `decoder.ts`.
 */
import { EVENT } from "../event.ts";
import type { EventRecord } from "../event.ts";
import { ByteReader, MalformedBytes } from "./bytes.ts";
import {
  HOST_NUMBERS_MAX,
  MARK_BYTES_MAX,
  OPCODE_MAX,
  PAYLOAD_BYTES_MAX,
  SLOT_MAX,
  STATE_PARTS_MAX,
  TAG,
} from "./format.ts";
import { CodecModel } from "./model.ts";

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NO_NUMBERS: readonly number[] = [];

export function malformed(what: string, value: number): never {
  throw new MalformedBytes(`${what} ${value}, which is out of range`);
}

export class PlainDecoder {
  protected readonly model = new CodecModel();
  protected readonly reader = new ByteReader();
  readonly #views: boolean;

  /**
   * @param views whether records get their payloads; without, only their lengths, which is for who
   *   reads much: a view is an object that its memory keeps account of
   */
  constructor(views = true) {
    this.#views = views;
  }

  /** Takes the payload of an event. */
  protected payload(record: EventRecord, length: number): void {
    record.brought = length;
    if (this.#views) record.bytes = this.reader.block(length);
    else this.reader.skip(length);
  }

  /** Decodes an event whose fields are written as they are. */
  protected plain(record: EventRecord, tag: number): void {
    switch (tag) {
      case TAG.TURN:
        record.kind = EVENT.TURN;
        record.steps = this.bounded("the steps", Number.MAX_SAFE_INTEGER);
        record.nowNs = this.time();
        return;
      case TAG.CANCEL:
        record.kind = EVENT.CANCEL;
        record.slot = this.bounded("the slot", SLOT_MAX);
        return;
      case TAG.INTERRUPT:
        record.kind = EVENT.INTERRUPT;
        record.code = this.bounded("the line", SLOT_MAX);
        return;
      case TAG.EXPIRE:
        record.kind = EVENT.EXPIRE;
        record.nowNs = this.time();
        return;
      case TAG.INPUT:
        record.kind = EVENT.INPUT;
        record.code = this.bounded("the input", OPCODE_MAX);
        record.value = this.safe("the value");
        return;
      case TAG.CLOCK:
        record.kind = EVENT.CLOCK;
        record.nowNs = this.time();
        return;
      case TAG.HOST:
        return this.#host(record);
      case TAG.STATE:
        return this.#state(record);
      case TAG.MARK:
      case TAG.END:
        record.kind = tag === TAG.MARK ? EVENT.MARK : EVENT.END;
        record.text = this.text();
        return;
      default:
        malformed("the tag", tag);
    }
  }

  #host(record: EventRecord): void {
    record.kind = EVENT.HOST;
    record.code = this.bounded("the host call", OPCODE_MAX);
    record.args = this.numbers();
    record.results = this.numbers();
    const length = this.bounded("a payload's length", PAYLOAD_BYTES_MAX + 1);
    if (length > 0) this.payload(record, length - 1);
  }

  #state(record: EventRecord): void {
    record.kind = EVENT.STATE;
    const count = this.bounded("a count of parts", STATE_PARTS_MAX);
    const digests: number[] = [];
    for (let part = 0; part < count; part++) digests.push(this.reader.word());
    record.digests = digests;
  }

  protected bounded(what: string, maximum: number): number {
    const value = this.reader.unsigned();
    if (value > maximum) malformed(what, value);
    return value;
  }

  protected safe(what: string): number {
    const value = this.reader.signed();
    if (!Number.isSafeInteger(value)) malformed(what, value);
    return value;
  }

  protected slot(predicted: number, written: boolean): number {
    const slot = written ? predicted + this.reader.signed() : predicted;
    if ((slot & SLOT_MAX) !== slot) malformed("the slot", slot);
    return slot;
  }

  protected offset(predicted: number, written: boolean): number {
    const offset = written ? predicted + this.reader.signed() : predicted;
    if (offset < -1 || offset > Number.MAX_SAFE_INTEGER) malformed("the offset", offset);
    return offset;
  }

  protected time(): number {
    const nowNs = this.model.timeNs + this.reader.signed();
    if (nowNs < 0 || nowNs > Number.MAX_SAFE_INTEGER) malformed("the time", nowNs);
    this.model.timeNs = nowNs;
    return nowNs;
  }

  protected numbers(): readonly number[] {
    const count = this.bounded("a count of numbers", HOST_NUMBERS_MAX);
    if (count === 0) return NO_NUMBERS;
    const numbers: number[] = [];
    for (let i = 0; i < count; i++) numbers.push(this.safe("a number"));
    return numbers;
  }

  protected text(): string {
    const bytes = this.reader.block(this.bounded("a text's length", MARK_BYTES_MAX));
    try {
      return textDecoder.decode(bytes);
    } catch {
      throw new MalformedBytes("a text that is not UTF-8");
    }
  }
}
