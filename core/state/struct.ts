/**
 * State layouts: a fixed, named arrangement of fields, compiled once into a class whose accessors
 * read and write a slab directly. A view is re-pointed instead of allocated, so walking through a
 * million operations costs no garbage.
 *
 * Example:
 *     const frame = struct({ phase: u8, lba: u48, name: bytes(4) });
 *     const view = frame.view(slab, "ata.dma-transfer");
 *     view.$base = 64;
 *     view.lba = 2 ** 40;
 *
 * Guarantees: a wrong value throws a RangeError that names owner and field, and writes nothing.
 * Not guaranteed: that a view still shows the same record after the code that lent it has returned.
 */
import type { Field, FieldValue } from "./fields.ts";
import type { Slab } from "./slab.ts";

export type StructShape = Readonly<Record<string, Field<unknown>>>;

/** What a program sees of a layout: one property a field. `$base` is the record's byte offset. */
export type View<S extends StructShape> = { -readonly [K in keyof S]: FieldValue<S[K]> } & {
  $base: number;
};

export interface FieldPlace {
  readonly name: string;
  readonly kind: string;
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A compiled layout. */
export interface Struct<S extends StructShape = StructShape> {
  readonly fields: readonly FieldPlace[];
  /** Whole 8-byte words. */
  readonly sizeBytes: number;
  /** One line that changes whenever the layout does: for version checks. */
  readonly signature: string;
  /**
   * Makes a view that can be pointed at any record of the slab.
   * @param owner the layer or provider, for error messages
   */
  view(slab: Slab, owner: string): View<S>;
  /** The record's values by name, copied, for people and reports. */
  describe(view: View<S>): { [K in keyof S]: FieldValue<S[K]> };
}

const FIELD_NAME = /^[a-z][A-Za-z0-9]*$/;
const FORBIDDEN_NAMES = new Set(["constructor", "prototype", "toString", "valueOf"]);
/** A frame must fit one page beside its header. */
export const STRUCT_BYTES_MAX = 1008;

type ViewClass = new (slab: Slab, refuse: (field: string, value: unknown) => never) => object;

function place(shape: StructShape): { fields: FieldPlace[]; sizeBytes: number } {
  const fields: FieldPlace[] = [];
  let at = 0;
  for (const [name, field] of Object.entries(shape)) {
    if (!FIELD_NAME.test(name) || FORBIDDEN_NAMES.has(name)) {
      throw new RangeError(`Cannot lay out a struct: field name must be camelCase: ${name}`);
    }
    at = Math.ceil(at / field.alignBytes) * field.alignBytes;
    fields.push({ name, kind: field.kind, offset: at, sizeBytes: field.sizeBytes });
    at += field.sizeBytes;
  }
  const sizeBytes = Math.ceil(at / 8) * 8;
  if (sizeBytes > STRUCT_BYTES_MAX) {
    throw new RangeError(
      `Cannot lay out a struct: ${sizeBytes} bytes exceed the ${STRUCT_BYTES_MAX} of a page`,
    );
  }
  return { fields, sizeBytes };
}

function compile(shape: StructShape, fields: readonly FieldPlace[]): ViewClass {
  const windows = ["u8", "i8", "u16", "i16", "u32", "i32"];
  const lines = [
    "return class {",
    "constructor(slab, refuse) {",
    "this.$base = 0; this.$refuse = refuse;",
    ...windows.map((window) => `this.$${window} = slab.${window};`),
    "}",
  ];
  for (const { name, offset } of fields) {
    const field = shape[name]!;
    const at = offset === 0 ? "this.$base" : `this.$base + ${offset}`;
    // The names of an enum are one array for ever, not one at each access.
    const names = `names.${name}`;
    lines.push(
      `get ${name}() { return ${field.read(at, names)}; }`,
      `set ${name}(v) { if (!(${field.accepts(names)})) this.$refuse("${name}", v); ` +
        `${field.write(at, names)}; }`,
    );
  }
  lines.push("}");
  const names = Object.fromEntries(fields.map(({ name }) => [name, shape[name]!.names]));
  // Source text instead of closures: each field's offset becomes a constant that the compiler sees,
  // and every layout gets accessors of its own instead of sharing megamorphic ones.
  return new Function("names", lines.join("\n"))(names) as ViewClass;
}

/**
 * Compiles a layout. Fields lie in the order given, each on its natural alignment.
 * @throws {RangeError} for a bad field name or a layout larger than a page
 */
export function struct<const S extends StructShape>(shape: S): Struct<S> {
  const { fields, sizeBytes } = place(shape);
  const ViewOfShape = compile(shape, fields);
  const refuseFor =
    (owner: string) =>
    (name: string, value: unknown): never => {
      const found = typeof value === "string" ? JSON.stringify(value) : String(value);
      throw new RangeError(
        `Cannot set ${owner}.${name}: it must be ${shape[name]!.wanted}: found ${found}`,
      );
    };
  return {
    fields,
    sizeBytes,
    signature: fields.map((field) => `${field.name}:${field.kind}@${field.offset}`).join(","),
    view: (slab, owner) => new ViewOfShape(slab, refuseFor(owner)) as View<S>,
    describe(view) {
      const record: Record<string, unknown> = {};
      for (const { name } of fields) {
        const value: unknown = view[name as keyof S];
        record[name] = value instanceof Uint8Array ? value.slice() : value;
      }
      return record as { [K in keyof S]: FieldValue<S[K]> };
    },
  };
}
