/**
 * State of device models as bytes: named, versioned fields. A blob is a line of JSON that names
 * the owner, its version and its fields, and behind it the bytes of those fields that are arrays.
 */

export type StateValue =
  | number
  | boolean
  | string
  | Uint8Array
  | readonly StateValue[]
  | { readonly [name: string]: StateValue };
export type StateFields = { readonly [name: string]: StateValue };

const NEWLINE = 0x0a;

function refuse(owner: string, found: string, wanted: string): never {
  throw new RangeError(`Cannot restore ${owner}: found ${found}, wanted ${wanted}`);
}

/** Puts fields into bytes. @param owner whose state it is: `ata.channel` */
export function encodeState(owner: string, version: number, fields: StateFields): Uint8Array {
  const parts: Uint8Array[] = [];
  let at = 0;
  const text = JSON.stringify({ owner, version, fields }, (_name, value: unknown) => {
    if (!(value instanceof Uint8Array)) return value;
    parts.push(value);
    at += value.length;
    return { $bytes: [at - value.length, value.length] };
  });
  const head = new TextEncoder().encode(text);
  const blob = new Uint8Array(head.length + 1 + at);
  blob.set(head);
  blob[head.length] = NEWLINE;
  at = head.length + 1;
  for (const part of parts) {
    blob.set(part, at);
    at += part.length;
  }
  return blob;
}

/**
 * Takes fields out of bytes.
 * @param like fields of the same names and types as those that are wanted; lists may be of any
 *   length, their elements like their first
 * @throws {RangeError} when the bytes are another owner's, of another version or damaged
 */
export function decodeState<F extends StateFields>(
  owner: string,
  version: number,
  blob: Uint8Array,
  like: F,
): F {
  const end = blob.indexOf(NEWLINE);
  if (end < 0) refuse(owner, "no header", "one line of it");
  let head: { owner?: unknown; version?: unknown; fields?: unknown };
  try {
    head = JSON.parse(new TextDecoder().decode(blob.subarray(0, end)));
  } catch {
    refuse(owner, "a damaged header", "JSON");
  }
  if (head?.owner !== owner) refuse(owner, `the state of ${String(head?.owner)}`, "its own");
  if (head.version !== version) refuse(owner, `version ${String(head.version)}`, `${version}`);
  const body = blob.subarray(end + 1);

  function take(found: unknown, shape: StateValue, name: string): StateValue {
    if (shape instanceof Uint8Array) {
      const [at, length] = (found as { $bytes?: number[] } | null)?.$bytes ?? [];
      const isInside = Number.isInteger(at) && Number.isInteger(length) && at! >= 0 && length! >= 0;
      if (!isInside || at! + length! > body.length) refuse(owner, `a bad ${name}`, "bytes");
      return body.slice(at, at! + length!);
    }
    if (Array.isArray(shape)) {
      if (!Array.isArray(found)) refuse(owner, `a bad ${name}`, "a list");
      return found.map((one, i) => take(one, shape[0] ?? 0, `${name}[${i}]`));
    }
    if (typeof shape === "object") {
      if (typeof found !== "object" || found === null) refuse(owner, `a bad ${name}`, "fields");
      const fields: Record<string, StateValue> = {};
      for (const [key, inner] of Object.entries(shape)) {
        fields[key] = take((found as Record<string, unknown>)[key], inner, `${name}.${key}`);
      }
      return fields;
    }
    if (typeof found !== typeof shape) refuse(owner, `a bad ${name}`, `a ${typeof shape}`);
    return found as StateValue;
  }
  return take(head.fields, like, "state") as F;
}
