/**
 * Encodes events into the buffer of the segment being filled: here the frequent ones, field by
 * field only where they differ from what the model predicts. Nothing is allocated per event; an
 * argument outside the format's bounds is a RangeError before a byte is written for it.
 */
import { NO_DIGEST } from "../event.ts";
import { check, checkOffset, checkSigned, refuse } from "./checks.ts";
import {
  CODEC_HOW,
  COMPLETE_HAS,
  I32_MAX,
  OPCODE_MAX,
  SETTLE_HAS,
  SLOT_MAX,
  START_HAS,
  SUBMIT_HAS,
  TAG,
  U32_MAX,
} from "./format.ts";
import { PlainEncoder } from "./plain-encoder.ts";

export class SegmentEncoder extends PlainEncoder {
  submit(
    slot: number,
    opcode: number,
    file: number,
    length: number,
    offset: number,
    opFlags: number,
    digest: number,
    how = 0,
  ): void {
    if ((slot & SLOT_MAX) !== slot) check("slot", slot, SLOT_MAX);
    if ((opcode & OPCODE_MAX) !== opcode) check("opcode", opcode, OPCODE_MAX);
    if (file !== (file & I32_MAX) && file !== -1) refuse("file", file, "from -1 to 2^31 - 1");
    if (length !== (length & I32_MAX)) check("length", length, U32_MAX);
    if (opFlags !== (opFlags & I32_MAX)) check("opFlags", opFlags, U32_MAX);
    if (offset !== (offset & I32_MAX)) checkOffset(offset);
    if (how !== 0) this.#how(how);
    const model = this.model;
    const files = model.files;
    const writer = this.writer;
    const tagAt = writer.at++;
    const stream = files.indexOf(file);
    let tag: number = TAG.SUBMIT;
    if (file !== files.last) {
      tag |= SUBMIT_HAS.FILE;
      writer.signed(file);
      files.last = file;
    }
    if (slot !== model.submitSlot.next) {
      tag |= SUBMIT_HAS.SLOT;
      writer.signed(slot - model.submitSlot.next);
    }
    if (opcode !== files.code[stream]) {
      tag |= SUBMIT_HAS.OPCODE;
      writer.unsigned(opcode);
    }
    if (length !== files.length[stream]) {
      tag |= SUBMIT_HAS.LENGTH;
      writer.unsigned(length);
    }
    if (offset !== files.nextOffset[stream]) {
      tag |= SUBMIT_HAS.OFFSET;
      writer.signed(offset - files.nextOffset[stream]!);
    }
    if (opFlags !== files.flags[stream]) {
      tag |= SUBMIT_HAS.FLAGS;
      writer.unsigned(opFlags);
    }
    if (digest !== NO_DIGEST) {
      tag |= SUBMIT_HAS.DIGEST;
      writer.word(digest);
    }
    model.submitSlot.learn(slot);
    files.learn(stream, opcode, length, offset, opFlags);
    model.ask(slot, length);
    writer.bytes[tagAt] = tag;
  }

  #how(how: number): void {
    check("how", how, U32_MAX);
    this.codec = Math.max(this.codec, CODEC_HOW);
    this.writer.bytes[this.writer.at++] = TAG.HOW;
    this.writer.unsigned(how);
  }

  complete(slot: number, result: number, flags: number, bytes: Uint8Array | undefined): void {
    if ((slot & SLOT_MAX) !== slot) check("slot", slot, SLOT_MAX);
    if ((result | 0) !== result) refuse("result", result, "a signed 32-bit number");
    if (flags !== (flags & I32_MAX)) check("flags", flags, U32_MAX);
    if (bytes !== undefined) this.room(bytes.length);
    const model = this.model;
    const writer = this.writer;
    const tagAt = writer.at++;
    let tag: number = TAG.COMPLETE;
    if (slot !== model.completeSlot.next) {
      tag |= COMPLETE_HAS.SLOT;
      writer.signed(slot - model.completeSlot.next);
    }
    if (result !== model.expectedResult(slot)) {
      tag |= COMPLETE_HAS.RESULT;
      writer.signed(result);
    }
    if (flags !== 0) {
      tag |= COMPLETE_HAS.FLAGS;
      writer.unsigned(flags);
    }
    if (bytes !== undefined) {
      tag |= COMPLETE_HAS.BYTES;
      if (bytes.length !== result) {
        tag |= COMPLETE_HAS.BYTES_LENGTH;
        writer.unsigned(bytes.length);
      }
      writer.block(bytes);
    }
    model.completeSlot.learn(slot);
    writer.bytes[tagAt] = tag;
  }

  start(
    slot: number,
    provider: number,
    handle: number,
    operation: number,
    offset: number,
    length: number,
    digest: number,
    argument: number,
  ): void {
    check("slot", slot, SLOT_MAX);
    check("provider", provider, SLOT_MAX);
    check("operation", operation, OPCODE_MAX);
    check("handle", handle, U32_MAX);
    check("length", length, Number.MAX_SAFE_INTEGER);
    checkOffset(offset);
    checkSigned("argument", argument);
    const model = this.model;
    const handles = model.handles;
    const writer = this.writer;
    const maskAt = writer.at + 1;
    writer.bytes[writer.at] = TAG.START;
    writer.at += 2;
    const stream = handles.indexOf(handle);
    const code = provider * 256 + operation;
    let mask = 0;
    if (handle !== handles.last) {
      mask |= START_HAS.HANDLE;
      writer.unsigned(handle);
      handles.last = handle;
    }
    if (slot !== model.startSlot.next) {
      mask |= START_HAS.SLOT;
      writer.signed(slot - model.startSlot.next);
    }
    if (code !== handles.code[stream]) {
      mask |= START_HAS.KIND;
      writer.unsigned(code);
    }
    if (length !== handles.length[stream]) {
      mask |= START_HAS.LENGTH;
      writer.unsigned(length);
    }
    if (offset !== handles.nextOffset[stream]) {
      mask |= START_HAS.OFFSET;
      writer.signed(offset - handles.nextOffset[stream]!);
    }
    if (digest !== NO_DIGEST) {
      mask |= START_HAS.DIGEST;
      writer.word(digest);
    }
    if (argument !== handles.argument[stream]) {
      mask |= START_HAS.ARGUMENT;
      writer.signed(argument);
    }
    model.startSlot.learn(slot);
    handles.learn(stream, code, length, offset, 0);
    handles.argument[stream] = argument;
    model.ask(slot, length);
    writer.bytes[maskAt] = mask;
  }

  settle(slot: number, result: number, digest: number): void {
    check("slot", slot, SLOT_MAX);
    checkSigned("result", result);
    const model = this.model;
    const writer = this.writer;
    const tagAt = writer.at++;
    let tag: number = TAG.SETTLE;
    if (slot !== model.settleSlot.next) {
      tag |= SETTLE_HAS.SLOT;
      writer.signed(slot - model.settleSlot.next);
    }
    if (result !== model.expectedResult(slot)) {
      tag |= SETTLE_HAS.RESULT;
      writer.signed(result);
    }
    if (digest !== NO_DIGEST) {
      tag |= SETTLE_HAS.DIGEST;
      writer.word(digest);
    }
    model.settleSlot.learn(slot);
    writer.bytes[tagAt] = tag;
  }
}
