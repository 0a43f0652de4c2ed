/**
 * Decodes a segment, event by event, into one reusable record. The bytes may be hostile even when
 * their checksum holds: every length, index and number is checked against the format's bounds, a
 * payload is a view and never a copy, and whatever is wrong is one error with a place.
 */
import { ReelError } from "../../errors.ts";
import { EVENT, NO_DIGEST } from "../event.ts";
import type { EventRecord } from "../event.ts";
import { MalformedBytes } from "./bytes.ts";
import {
  COMPLETE_HAS,
  I32_MAX,
  OPCODE_MAX,
  PAYLOAD_BYTES_MAX,
  SETTLE_HAS,
  SLOT_MAX,
  START_HAS,
  SUBMIT_HAS,
  TAG,
  U32_MAX,
} from "./format.ts";
import { malformed, PlainDecoder } from "./plain-decoder.ts";

export class SegmentDecoder extends PlainDecoder {
  private where = "";

  /**
   * Takes a segment.
   * @param timeNs the session's clock where it begins, from its header
   * @param where names the segment in errors
   */
  load(bytes: Uint8Array, timeNs: number, where: string): void {
    this.reader.bytes = bytes;
    this.reader.at = 0;
    this.model.reset(timeNs);
    this.where = where;
  }

  /** Whether all bytes are decoded. */
  get done(): boolean {
    return this.reader.at === this.reader.bytes.length;
  }

  /** Bytes decoded so far. */
  get position(): number {
    return this.reader.at;
  }

  /** The session's clock after the last decoded event. */
  get timeNs(): number {
    return this.model.timeNs;
  }

  /**
   * Decodes the next event. What the record held before is gone; `bytes` points into the segment.
   * @throws {ReelError} ERR_CORRUPT_RECORDING when the bytes are no event
   */
  next(record: EventRecord): void {
    const begin = this.reader.at;
    try {
      this.event(record);
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      throw new ReelError(
        "ERR_CORRUPT_RECORDING",
        `Cannot decode the event at byte ${begin} of ${this.where}: found ${error.message}`,
        { mend: "Record the session again, or restore the file from a copy", cause: error },
      );
    }
  }

  private event(record: EventRecord): void {
    const reader = this.reader;
    const tag = reader.bytes[reader.at];
    if (tag === undefined) throw new MalformedBytes("no event where one was announced");
    reader.at++;
    record.bytes = undefined;
    record.brought = -1;
    record.missing = -1;
    // None of these calls is in tail position, where it could not be inlined.
    if (tag >= TAG.SUBMIT) this.submit(record, tag, 0);
    else if (tag >= TAG.COMPLETE && tag < TAG.SETTLE) this.complete(record, tag);
    else if (tag === TAG.START) this.start(record);
    else if (tag >= TAG.SETTLE) this.settle(record, tag);
    else if (tag === TAG.HOW) this.made(record);
    else if (tag === TAG.DIGESTED) this.digested(record);
    else this.plain(record, tag);
  }

  /** A submit with the way in which it is made before it. */
  private made(record: EventRecord): void {
    const reader = this.reader;
    const how = this.bounded("the way of a request", U32_MAX);
    const next = reader.bytes[reader.at++];
    if (how === 0 || next === undefined || next < TAG.SUBMIT) malformed("the way", how);
    this.submit(record, next, how);
  }

  /** A complete or host event with the checksum of its payload before it. */
  private digested(record: EventRecord): void {
    const reader = this.reader;
    const length = this.bounded("a payload's length", PAYLOAD_BYTES_MAX);
    const digest = reader.word();
    const next = reader.bytes[reader.at++];
    if (next === TAG.HOST) this.plain(record, next);
    else if (next !== undefined && next >= TAG.COMPLETE && next < TAG.SETTLE) {
      this.complete(record, next);
    } else malformed("the tag", next ?? -1);
    if (record.brought >= 0) malformed("the bytes of a payload that is not kept", length);
    record.missing = length;
    record.digest = digest;
  }

  private submit(record: EventRecord, tag: number, how: number): void {
    const reader = this.reader;
    const model = this.model;
    const files = model.files;
    let file = files.last;
    if ((tag & SUBMIT_HAS.FILE) !== 0) {
      file = reader.signed();
      if (file < -1 || file > I32_MAX) malformed("the file", file);
    }
    const stream = files.indexOf(file);
    const slot = this.slot(model.submitSlot.next, (tag & SUBMIT_HAS.SLOT) !== 0);
    let opcode = files.code[stream]!;
    if ((tag & SUBMIT_HAS.OPCODE) !== 0) opcode = this.bounded("the opcode", OPCODE_MAX);
    let length = files.length[stream]!;
    if ((tag & SUBMIT_HAS.LENGTH) !== 0) length = this.bounded("the length", U32_MAX);
    const offset = this.offset(files.nextOffset[stream]!, (tag & SUBMIT_HAS.OFFSET) !== 0);
    let opFlags = files.flags[stream]!;
    if ((tag & SUBMIT_HAS.FLAGS) !== 0) opFlags = this.bounded("the flags", U32_MAX);
    record.kind = EVENT.SUBMIT;
    record.slot = slot;
    record.opcode = opcode;
    record.file = file;
    record.length = length;
    record.offset = offset;
    record.opFlags = opFlags;
    record.how = how;
    record.digest = (tag & SUBMIT_HAS.DIGEST) !== 0 ? reader.word() : NO_DIGEST;
    files.last = file;
    model.submitSlot.learn(slot);
    files.learn(stream, opcode, length, offset, opFlags);
    model.ask(slot, length);
  }

  private complete(record: EventRecord, tag: number): void {
    const reader = this.reader;
    const model = this.model;
    const slot = this.slot(model.completeSlot.next, (tag & COMPLETE_HAS.SLOT) !== 0);
    let result = model.expectedResult(slot);
    if ((tag & COMPLETE_HAS.RESULT) !== 0) result = reader.signed();
    if ((result | 0) !== result) malformed("the result", result);
    record.kind = EVENT.COMPLETE;
    record.slot = slot;
    record.result = result;
    record.flags = (tag & COMPLETE_HAS.FLAGS) !== 0 ? this.bounded("the flags", U32_MAX) : 0;
    if ((tag & COMPLETE_HAS.BYTES) !== 0) {
      const given = (tag & COMPLETE_HAS.BYTES_LENGTH) !== 0;
      const length = given ? reader.unsigned() : result;
      if (length < 0 || length > PAYLOAD_BYTES_MAX) malformed("a payload's length", length);
      this.payload(record, length);
    }
    model.completeSlot.learn(slot);
  }

  private settle(record: EventRecord, tag: number): void {
    if (tag > TAG.SETTLE + 7) malformed("the tag", tag);
    const model = this.model;
    const slot = this.slot(model.settleSlot.next, (tag & SETTLE_HAS.SLOT) !== 0);
    let result = model.expectedResult(slot);
    if ((tag & SETTLE_HAS.RESULT) !== 0) result = this.safe("the result");
    record.kind = EVENT.SETTLE;
    record.slot = slot;
    record.result = result;
    record.digest = (tag & SETTLE_HAS.DIGEST) !== 0 ? this.reader.word() : NO_DIGEST;
    model.settleSlot.learn(slot);
  }

  private start(record: EventRecord): void {
    const model = this.model;
    const handles = model.handles;
    const mask = this.bounded("the mask", 0x7f);
    let handle = handles.last;
    if ((mask & START_HAS.HANDLE) !== 0) handle = this.bounded("the handle", U32_MAX);
    const stream = handles.indexOf(handle);
    const slot = this.slot(model.startSlot.next, (mask & START_HAS.SLOT) !== 0);
    let code = handles.code[stream]!;
    if ((mask & START_HAS.KIND) !== 0) code = this.bounded("the operation", SLOT_MAX * 256 + 255);
    let length = handles.length[stream]!;
    if ((mask & START_HAS.LENGTH) !== 0) {
      length = this.bounded("the length", Number.MAX_SAFE_INTEGER);
    }
    const offset = this.offset(handles.nextOffset[stream]!, (mask & START_HAS.OFFSET) !== 0);
    record.kind = EVENT.START;
    record.slot = slot;
    record.provider = code >>> 8;
    record.handle = handle;
    record.operation = code & 0xff;
    record.offset = offset;
    record.length = length;
    record.digest = (mask & START_HAS.DIGEST) !== 0 ? this.reader.word() : NO_DIGEST;
    if ((mask & START_HAS.ARGUMENT) !== 0) handles.argument[stream] = this.safe("the argument");
    record.argument = handles.argument[stream]!;
    handles.last = handle;
    model.startSlot.learn(slot);
    handles.learn(stream, code, length, offset, 0);
    model.ask(slot, length);
  }
}
