/**
 * Reads Perfetto traces by the schema, independently of the writer: a field that the schema does
 * not know, or that has another type there, is an error. The schema is that of the `.proto` files
 * in Perfetto's repository under protos/perfetto/trace, as far as traces of ours may use it.
 */

type Type = "uint64" | "int64" | "uint32" | "int32" | "bool" | "enum" | "fixed64" | "string";
type Field = readonly [name: string, type: Type | readonly [message: string], repeated?: true];

const SCHEMA: Readonly<Record<string, Readonly<Record<number, Field>>>> = {
  Trace: { 1: ["packet", ["TracePacket"], true] },
  TracePacket: {
    8: ["timestamp", "uint64"],
    10: ["trusted_packet_sequence_id", "uint32"],
    11: ["track_event", ["TrackEvent"]],
    13: ["sequence_flags", "uint32"],
    42: ["previous_packet_dropped", "uint32"],
    58: ["timestamp_clock_id", "uint32"],
    60: ["track_descriptor", ["TrackDescriptor"]],
    87: ["first_packet_on_sequence", "bool"],
  },
  TrackDescriptor: {
    1: ["uuid", "uint64"],
    2: ["name", "string"],
    3: ["process", ["ProcessDescriptor"]],
    4: ["thread", ["ThreadDescriptor"]],
    5: ["parent_uuid", "uint64"],
    8: ["counter", ["CounterDescriptor"]],
  },
  ProcessDescriptor: { 1: ["pid", "int32"], 6: ["process_name", "string"] },
  ThreadDescriptor: { 1: ["pid", "int32"], 2: ["tid", "int32"], 5: ["thread_name", "string"] },
  CounterDescriptor: { 1: ["type", "enum"], 3: ["unit", "enum"], 4: ["unit_multiplier", "int64"] },
  TrackEvent: {
    4: ["debug_annotations", ["DebugAnnotation"], true],
    9: ["type", "enum"],
    11: ["track_uuid", "uint64"],
    22: ["categories", "string", true],
    23: ["name", "string"],
    30: ["counter_value", "int64"],
    47: ["flow_ids", "fixed64", true],
    48: ["terminating_flow_ids", "fixed64", true],
  },
  DebugAnnotation: {
    2: ["bool_value", "bool"],
    3: ["uint_value", "uint64"],
    4: ["int_value", "int64"],
    6: ["string_value", "string"],
    10: ["name", "string"],
  },
};

export interface Message {
  readonly [field: string]: number | string | boolean | Message | (Message | number | string)[];
}

class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.at === this.#bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) throw new Error("a varint ends with the bytes");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error("a varint has more than ten bytes");
  }

  take(length: number): Uint8Array {
    const taken = this.#bytes.subarray(this.at, this.at + length);
    if (taken.length < length) throw new Error(`a field has ${length} bytes, ${taken.length} left`);
    this.at += length;
    return taken;
  }
}

const WIRE = { varint: 0, fixed64: 1, bytes: 2 };

function wireOf(type: Field[1]): number {
  if (type === "fixed64") return WIRE.fixed64;
  return type === "string" || typeof type === "object" ? WIRE.bytes : WIRE.varint;
}

function valueOf(reader: Reader, type: Field[1]): number | string | boolean | Message {
  if (typeof type === "object") return decode(type[0], reader.take(Number(reader.varint())));
  if (type === "string") {
    const bytes = reader.take(Number(reader.varint()));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  }
  if (type === "fixed64") {
    const bytes = reader.take(8);
    return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  }
  const value = reader.varint();
  if (type === "bool") return value !== 0n;
  return Number(type === "int64" || type === "int32" ? BigInt.asIntN(64, value) : value);
}

function decode(name: string, bytes: Uint8Array): Message {
  const fields = SCHEMA[name]!;
  const reader = new Reader(bytes);
  const message: Record<string, Message[string]> = {};
  while (!reader.done) {
    const tag = Number(reader.varint());
    const [number, wire] = [Math.floor(tag / 8), tag % 8];
    const field = fields[number];
    if (field === undefined) throw new Error(`${name} has no field ${number}`);
    const [key, type, repeated] = field;
    if (wire !== wireOf(type)) throw new Error(`${name}.${key} is of wire type ${wire}`);
    const value = valueOf(reader, type);
    if (repeated === true) {
      ((message[key] ??= []) as unknown[]).push(value);
    } else {
      if (key in message) throw new Error(`${name}.${key} comes twice`);
      message[key] = value;
    }
  }
  return message;
}

/** The packets of a trace. @throws {Error} where it is not what the schema says */
export function readPerfetto(bytes: Uint8Array): Message[] {
  return (decode("Trace", bytes)["packet"] ?? []) as Message[];
}
