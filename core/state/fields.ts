/**
 * The field types of a state layout: fixed sizes, fixed meaning, the same bytes on every machine.
 * Each knows how to be read, written and checked, as source text that {@link struct} compiles.
 */

/** A field's type: `T` is what a program sees. */
export interface Field<T> {
  readonly kind: string;
  readonly sizeBytes: number;
  readonly alignBytes: number;
  /** What a value must be, for error messages. */
  readonly wanted: string;
  /** Names that stand for the field's values; the sources below have their array as `names`. */
  readonly names?: readonly string[];
  /** Source of an expression that reads the field; `at` is the source of its byte offset. */
  read(at: string, names: string): string;
  /** Source of an expression that is true when `v` may be written. */
  accepts(names: string): string;
  /** Source of a statement that writes `v`. */
  write(at: string, names: string): string;
  /** Carries the type only; never present. */
  readonly type?: T;
}

/** What a program sees of a field. */
export type FieldValue<F> = F extends Field<infer T> ? T : never;

function integer(kind: string, window: string, bits: 8 | 16 | 32, signed: boolean): Field<number> {
  const shift = bits === 8 ? 0 : bits === 16 ? 1 : 2;
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const high = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const cell = (at: string): string =>
    shift === 0 ? `this.$${window}[${at}]` : `this.$${window}[(${at}) >>> ${shift}]`;
  const whole = `typeof v === "number" && ${signed ? "(v | 0) === v" : "(v >>> 0) === v"}`;
  return {
    kind,
    sizeBytes: bits / 8,
    alignBytes: bits / 8,
    wanted: `a whole number from ${low} to ${high}`,
    read: cell,
    accepts: () => (bits === 32 ? whole : `${whole} && v >= ${low} && v <= ${high}`),
    write: (at) => `${cell(at)} = v`,
  };
}

/** An unsigned 8-bit integer. */
export const u8: Field<number> = integer("u8", "u8", 8, false);
/** A signed 8-bit integer. */
export const i8: Field<number> = integer("i8", "i8", 8, true);
/** An unsigned 16-bit integer. */
export const u16: Field<number> = integer("u16", "u16", 16, false);
/** A signed 16-bit integer. */
export const i16: Field<number> = integer("i16", "i16", 16, true);
/** An unsigned 32-bit integer. */
export const u32: Field<number> = integer("u32", "u32", 32, false);
/** A signed 32-bit integer. */
export const i32: Field<number> = integer("i32", "i32", 32, true);

function wide(kind: string, low: number, high: number): Field<number> {
  const word = (at: string, plus: number): string => `((${at}) >>> 2) + ${plus}`;
  return {
    kind,
    sizeBytes: 8,
    alignBytes: 4,
    wanted: `a whole number from ${low} to ${high}`,
    // Two 32-bit halves, the upper one signed: no BigInt is made on the way in or out.
    read: (at) => `this.$i32[${word(at, 1)}] * 4294967296 + this.$u32[${word(at, 0)}]`,
    accepts: () => `Number.isInteger(v) && v >= ${low} && v <= ${high}`,
    write: (at) =>
      `this.$u32[${word(at, 0)}] = v % 4294967296; ` +
      `this.$i32[${word(at, 1)}] = Math.floor(v / 4294967296)`,
  };
}

/** An unsigned 48-bit integer: a logical block address, a pointer. */
export const u48: Field<number> = wide("u48", 0, 2 ** 48 - 1);
/** An unsigned integer that JavaScript holds exactly: a byte position, a time in nanoseconds. */
export const u53: Field<number> = wide("u53", 0, Number.MAX_SAFE_INTEGER);
/** A signed integer that JavaScript holds exactly. */
export const i53: Field<number> = wide("i53", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

/** A yes or no in one byte. */
export const bool: Field<boolean> = {
  kind: "bool",
  sizeBytes: 1,
  alignBytes: 1,
  wanted: "true or false",
  read: (at) => `this.$u8[${at}] !== 0`,
  accepts: () => "v === true || v === false",
  write: (at) => `this.$u8[${at}] = v ? 1 : 0`,
};

/** The number of a buffer in the session's arena; 0 is none. */
export const bufferRef: Field<number> = { ...u32, kind: "bufferRef" };
/** A handle of an open end or of an operation; 0 is none. */
export const handleRef: Field<number> = { ...u53, kind: "handleRef" };

const ENUM_NAME = /^[A-Za-z][A-Za-z0-9-]*$/;

/**
 * One of some names, in one byte. The order of the names is part of the layout's version.
 * @throws {RangeError} for none, more than 256, a repeated or an odd name
 */
export function oneOf<const Names extends readonly string[]>(
  ...names: Names
): Field<Names[number]> {
  const bad = names.find((name) => !ENUM_NAME.test(name));
  if (names.length === 0 || names.length > 256 || new Set(names).size < names.length || bad) {
    throw new RangeError(`Cannot define an enum field: names must be 1 to 256 different words`);
  }
  return {
    kind: `oneOf(${names.join("|")})`,
    sizeBytes: 1,
    alignBytes: 1,
    wanted: `one of ${names.join(", ")}`,
    names,
    // A byte that no name stands for can only come from a foreign blob; it reads as the first.
    read: (at, list) => `(${list}[this.$u8[${at}]] ?? ${list}[0])`,
    accepts: (list) => `${list}.includes(v)`,
    write: (at, list) => `this.$u8[${at}] = ${list}.indexOf(v)`,
  };
}

/**
 * A fixed number of bytes inside the layout. Reading gives a window, not a copy; writing copies.
 * @param lengthBytes 1 to 1,008, since a frame fits one page
 */
export function bytes(lengthBytes: number): Field<Uint8Array> {
  if (!Number.isInteger(lengthBytes) || lengthBytes < 1 || lengthBytes > 1008) {
    throw new RangeError(`Cannot define a byte field: length must be 1 to 1008: ${lengthBytes}`);
  }
  return {
    kind: `bytes(${lengthBytes})`,
    sizeBytes: lengthBytes,
    alignBytes: 1,
    wanted: `a Uint8Array of exactly ${lengthBytes} bytes`,
    read: (at) => `this.$u8.subarray(${at}, ${at} + ${lengthBytes})`,
    accepts: () => `v instanceof Uint8Array && v.length === ${lengthBytes}`,
    write: (at) => `this.$u8.set(v, ${at})`,
  };
}
