/**
 * Events as text for people: one line each, numbers with their names, payloads as size, checksum
 * and their first bytes.
 */
import {
  COMPLETE_BUFFER,
  COMPLETE_MORE,
  COMPLETE_NONEMPTY,
  COMPLETE_NOTIFICATION,
  groupOf,
  HOW,
  INPUT_INTERRUPT,
  OPCODE,
} from "../backend/contract.ts";
import { codeOfResult } from "../errors.ts";
import { HOST_CALL_NAMES } from "./event.ts";
import type { MissingPayload, SessionEvent } from "./event.ts";

/** Names that a recording gives to numbers. */
export interface EventNames {
  /** Kinds of the session's providers, by index. */
  readonly providers?: readonly string[];
  /** Names of the parts of a state, in their order. */
  readonly parts?: readonly string[];
  /** Name of an operation of a kind of provider. */
  readonly operation?: (kind: string, operation: number) => string;
}

/** Bytes of a payload that are shown. */
const PREVIEW_BYTES = 16;
/** Bits of a HOW word that are the opcode's own. */
const PRIORITY_BITS = 0xffff;
/** Characters of a text that are shown. */
const TEXT_CHARACTERS = 200;

const opcodeNames = new Map<number, string>();
for (const [name, number] of Object.entries(OPCODE)) opcodeNames.set(number, name);

/** The name of a ring request's opcode: `READ`, or `opcode 200` for one without a name. */
export function nameOpcode(opcode: number): string {
  return opcodeNames.get(opcode) ?? `opcode ${opcode}`;
}

/** The name of a host call: `pipe`, or `host call 9` for one without a name. */
export function nameHostCall(call: number): string {
  return HOST_CALL_NAMES[call] ?? `host call ${call}`;
}

/** A checksum as it is shown everywhere: `crc32 0a1b2c3d`. */
export function nameDigest(digest: number | undefined): string {
  return digest === undefined ? "none" : `crc32 ${digest.toString(16).padStart(8, "0")}`;
}

/** A result: `4096`, or `-32 (EPIPE)` for a failure. */
export function nameResult(result: number): string {
  return result < 0 ? `${result} (${codeOfResult(result)})` : String(result);
}

/** A payload: size, checksum and the first bytes in hexadecimal. */
export function namePayload(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) return "none";
  const more = bytes.length > PREVIEW_BYTES ? "..." : "";
  const preview = bytes.subarray(0, PREVIEW_BYTES).toHex();
  return `${bytes.length} bytes, ${nameDigest(Bun.hash.crc32(bytes))} [${preview}${more}]`;
}

/** A text in quotes, cut where it gets long. */
export function nameText(text: string): string {
  if (text.length <= TEXT_CHARACTERS) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, TEXT_CHARACTERS))}... (${text.length} characters)`;
}

function flagsText(flags: number): string {
  if (flags === 0) return "";
  const names: string[] = [];
  if ((flags & COMPLETE_MORE) !== 0) names.push("more");
  if ((flags & COMPLETE_NOTIFICATION) !== 0) names.push("notification");
  if ((flags & COMPLETE_NONEMPTY) !== 0) names.push("nonempty");
  if ((flags & COMPLETE_BUFFER) !== 0) names.push(`buffer ${flags >>> 16}`);
  return names.length > 0 ? ` (${names.join(", ")})` : ` flags 0x${flags.toString(16)}`;
}

/** The way of a request: `multishot, group 3`, or `0x40` for one without a name. */
export function nameHow(opcode: number, how: number): string {
  const names: string[] = [];
  let rest = how & PRIORITY_BITS;
  const name = (bit: number, text: string): void => {
    if ((rest & bit) !== 0) names.push(text);
    rest &= ~bit;
  };
  if (opcode === OPCODE.ACCEPT) name(HOW.ACCEPT_MULTISHOT, "multishot");
  else name(HOW.POLL_FIRST, "poll first");
  if (opcode === OPCODE.RECV) name(HOW.RECV_MULTISHOT, "multishot");
  if (rest !== 0) names.push(`0x${rest.toString(16)}`);
  if ((how & HOW.BUFFER_SELECT) !== 0) names.push(`group ${groupOf(how)}`);
  return names.length === 0 ? "plain" : names.join(", ");
}

const withDigest = (digest: number | undefined): string =>
  digest === undefined ? "" : `, payload ${nameDigest(digest)}`;

function withPayload(bytes: Uint8Array | undefined, missing?: MissingPayload): string {
  if (missing !== undefined) return `, ${missing.length} bytes, ${nameDigest(missing.digest)}`;
  return bytes === undefined ? "" : `, ${namePayload(bytes)}`;
}

/**
 * One line for one event.
 * @param names what the recording calls its providers; numbers stand in where it is not given
 */
export function describeEvent(event: SessionEvent, names: EventNames = {}): string {
  switch (event.kind) {
    case "turn":
      return `turn at ${event.nowNs} ns, ${event.steps} steps after the one before`;
    case "submit": {
      if (event.opcode === OPCODE.LINK_TIMEOUT) {
        return `limit slot ${event.slot}: ${event.offset} ns`;
      }
      const file = event.file < 0 ? "" : ` file ${event.file}`;
      const flags = event.opFlags === 0 ? "" : ` flags 0x${event.opFlags.toString(16)}`;
      const range = `length ${event.length} offset ${event.offset}`;
      const how = event.how === 0 ? "" : ` (${nameHow(event.opcode, event.how)})`;
      const what = `${nameOpcode(event.opcode)}${file} ${range}${flags}${how}`;
      return `submit slot ${event.slot}: ${what}${withDigest(event.digest)}`;
    }
    case "cancel":
      return `cancel slot ${event.slot}`;
    case "complete": {
      const result = `result ${nameResult(event.result)}${flagsText(event.flags)}`;
      return `complete slot ${event.slot}: ${result}${withPayload(event.bytes, event.missing)}`;
    }
    case "interrupt":
      return `interrupt line ${event.line}`;
    case "expire":
      return `expire at ${event.nowNs} ns`;
    case "input": {
      const kind = event.input === INPUT_INTERRUPT ? "interrupt" : `kind ${event.input}`;
      return `input ${kind}: ${event.value}`;
    }
    case "clock":
      return `clock read: ${event.nowNs} ns`;
    case "host": {
      const [status = 0, ...answers] = event.results;
      const answer = status < 0 ? nameResult(status) : `[${answers.join(", ")}]`;
      const call = `${nameHostCall(event.call)}(${event.args.join(", ")})`;
      return `host ${call} = ${answer}${withPayload(event.bytes, event.missing)}`;
    }
    case "start": {
      const provider = names.providers?.[event.provider] ?? `provider ${event.provider}`;
      const operation =
        names.operation?.(provider, event.operation) ?? `operation ${event.operation}`;
      const what = `${provider} handle ${event.handle} ${operation}`;
      const argument = event.argument === 0 ? "" : ` argument ${event.argument}`;
      const range = `length ${event.length} offset ${event.offset}${argument}`;
      return `start slot ${event.slot}: ${what} ${range}${withDigest(event.digest)}`;
    }
    case "settle": {
      const result = `result ${nameResult(event.result)}`;
      return `settle slot ${event.slot}: ${result}${withDigest(event.digest)}`;
    }
    case "mark":
      return `mark ${nameText(event.text)}`;
    case "end":
      return `end: ${nameText(event.outcome)}`;
    case "state":
      return `state of ${event.digests.length} parts: ${event.digests.map(nameDigest).join(", ")}`;
  }
}
