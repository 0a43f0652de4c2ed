/**
 * Numbers of event codecs 1 to 3. An event is a tag byte and its fields as varints, each field as
 * its difference from a prediction (see `model.ts`); a field that is as predicted is not written at
 * all, which the tag's low bits say. So an operation of a regular pattern costs one byte.
 *
 * Tags: 1sffffff submit with a mask of seven fields, 010fffff complete with five, 01100fff settle
 * with three, the rest as listed. All bounds hold for writer and reader alike.
 */

/**
 * The codec of this file. A segment's header names the first one that has all that is in it: 3 with
 * checksums of state or in place of payloads, 2 when a submit says how it is made, otherwise 1, so
 * that an older reader takes what it understands and refuses the rest.
 */
export const CODEC_VERSION = 3;
export const CODEC_FIRST = 1;
export const CODEC_HOW = 2;
export const CODEC_CHECKSUMS = 3;

export const TAG = {
  TURN: 0x01,
  CANCEL: 0x02,
  INTERRUPT: 0x03,
  EXPIRE: 0x04,
  INPUT: 0x05,
  CLOCK: 0x06,
  HOST: 0x07,
  /** A mask byte follows. */
  START: 0x08,
  MARK: 0x09,
  END: 0x0a,
  /** The submit that follows is made in a way of its own: HOW of the contract, never 0. Codec 2. */
  HOW: 0x0b,
  /** Checksums of the parts of the engine's state. Codec 3. */
  STATE: 0x0c,
  /** The complete or host event that follows has a payload's length and checksum only. Codec 3. */
  DIGESTED: 0x0d,
  COMPLETE: 0x40,
  SETTLE: 0x60,
  SUBMIT: 0x80,
} as const;

/** Which fields of a submit are written: bits of its tag. */
export const SUBMIT_HAS = {
  FILE: 1,
  SLOT: 2,
  OPCODE: 4,
  LENGTH: 8,
  OFFSET: 16,
  FLAGS: 32,
  DIGEST: 64,
} as const;
export const COMPLETE_HAS = {
  SLOT: 1,
  RESULT: 2,
  FLAGS: 4,
  BYTES: 8,
  /** The payload's length is not the result. */
  BYTES_LENGTH: 16,
} as const;
export const START_HAS = {
  HANDLE: 1,
  SLOT: 2,
  KIND: 4,
  LENGTH: 8,
  OFFSET: 16,
  DIGEST: 32,
  ARGUMENT: 64,
} as const;
export const SETTLE_HAS = { SLOT: 1, RESULT: 2, DIGEST: 4 } as const;

/** A segment is sealed by the first event that brings it to this size. */
export const SEGMENT_BYTES_TARGET = 65536;
/**
 * The largest payload of one event: it is kept in one segment, which then is that much larger. No
 * single transfer of any provider comes near it; above it a recorder asks for smaller transfers.
 */
export const PAYLOAD_BYTES_MAX = 128 * 1024 * 1024;
/** All fields of any event without its payload, texts and lists: generous. */
export const EVENT_FIELDS_BYTES_MAX = 512;
/** Payloads up to this size fit behind a segment that is almost full without growing its buffer. */
export const PAYLOAD_ROOM_BYTES = 256 * 1024;
/** The buffer of a segment: one that is almost full, and one more event. */
export const FRAME_BYTES = SEGMENT_BYTES_TARGET + PAYLOAD_ROOM_BYTES + EVENT_FIELDS_BYTES_MAX;
/** What a hostile recording can make a reader hold at once. */
export const SEGMENT_BYTES_MAX = SEGMENT_BYTES_TARGET + PAYLOAD_BYTES_MAX + EVENT_FIELDS_BYTES_MAX;
/** Marks and outcomes: a line for people. */
export const MARK_BYTES_MAX = 16384;
/** Parts of a state: six of the engine, one a provider, the machine. */
export const STATE_PARTS_MAX = 2048;
/** Numbers in a host call's arguments or results. */
export const HOST_NUMBERS_MAX = 8;

/** Slots are indices into a descriptor table of at most 65,536. */
export const SLOT_MAX = 0xffff;
export const OPCODE_MAX = 0xff;
export const U32_MAX = 0xffffffff;
export const I32_MAX = 0x7fffffff;
