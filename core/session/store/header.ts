/**
 * The header of a recording: what is true of the session as a whole, and the seal over it. SQLite
 * does not notice a flipped bit in a row; the seal does.
 */
import { hostWallMs } from "../../clock.ts";
import { hostSeed } from "../../random.ts";
import { hostFacts } from "./host-facts.ts";
import type { HostFacts } from "./host-facts.ts";
import {
  ATTACHMENTS_MAX,
  ATTACHMENT_BYTES_MAX,
  FORMAT_VERSION,
  JSON_BYTES_MAX,
  NAME_BYTES_MAX,
  PROVIDERS_MAX,
} from "./limits.ts";

/** A provider of the session. Its place in the list is its index in events. */
export interface ProviderEntry {
  readonly kind: string;
  readonly version: string;
  readonly stateVersion: number;
  /** Any JSON value. */
  readonly config: unknown;
}

/** A named content that a replay needs. */
export interface Attachment {
  readonly name: string;
  readonly content: Uint8Array;
}

/** What a recording says about its session, given by whoever starts it. */
export interface RecordingHeader {
  readonly seed: number;
  readonly backend: "uring" | "emulated";
  /** What the run was started with: any JSON value. */
  readonly options: unknown;
  /** How the backend was chosen: any JSON value. */
  readonly selection: unknown;
  readonly providers: readonly ProviderEntry[];
  readonly attachments?: readonly Attachment[];
}

/** Whose recording it is: copies and rewritten forms keep it. Never part of the digest. */
export interface RecordingIdentity {
  readonly uuid: string;
  readonly createdMs: number;
  readonly host: HostFacts;
}

export type RecordingState = "recording" | "complete" | "interrupted" | "recovered";
export const RECORDING_STATES: readonly string[] = [
  "recording",
  "complete",
  "interrupted",
  "recovered",
];

/** Where a recording stands: changes with each segment. */
export interface RecordingProgress {
  readonly state: RecordingState;
  readonly eventCount: number;
  readonly digest: string;
  readonly outcome: string | null;
}

/** The header as columns: what the seal covers and what the tables hold. */
export interface HeaderRow {
  format: number;
  uuid: string;
  createdMs: number;
  seed: number;
  backend: string;
  options: string;
  selection: string;
  ioreel: string;
  bun: string;
  kernel: string;
  arch: string;
}

export interface ProviderRow {
  index: number;
  kind: string;
  version: string;
  stateVersion: number;
  config: string;
}

/** An attachment without its content. */
export interface AttachmentRow {
  name: string;
  length: number;
  sha256: Uint8Array;
}

function jsonText(what: string, value: unknown): string {
  const text = JSON.stringify(value ?? null);
  if (Buffer.byteLength(text) <= JSON_BYTES_MAX) return text;
  throw new RangeError(`Cannot record: ${what} takes more than ${JSON_BYTES_MAX} bytes of JSON`);
}

function checkName(what: string, name: string): void {
  const bytes = Buffer.byteLength(name);
  const plain = name.isWellFormed() && !name.includes("\0");
  if (plain && bytes >= 1 && bytes <= NAME_BYTES_MAX) return;
  throw new RangeError(
    `Cannot record: ${what} must be 1 to ${NAME_BYTES_MAX} bytes of text: found ${bytes}`,
  );
}

export function sha256(bytes: Uint8Array | string): Uint8Array {
  return new Uint8Array(new Bun.CryptoHasher("sha256").update(bytes).digest());
}

/** A name for this recording that no other has: a version 8 UUID (RFC 9562 §5.8). */
function makeUuid(header: RecordingHeader, createdMs: number): string {
  const { seed, backend, options } = header;
  const facts = [hostSeed(), hostSeed(), createdMs, seed, backend, options];
  const bytes = sha256(JSON.stringify(facts)).subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toHex();
  const part = (from: number, to: number): string => hex.slice(from, to);
  return [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
}

/** The identity of a recording that begins now, on this host. */
export function newIdentity(header: RecordingHeader): RecordingIdentity {
  const createdMs = hostWallMs();
  return { uuid: makeUuid(header, createdMs), createdMs, host: hostFacts() };
}

/**
 * The header's columns.
 * @throws {RangeError} for a seed, name or size that the format does not hold
 */
export function headerRow(header: RecordingHeader, identity: RecordingIdentity): HeaderRow {
  if (!Number.isSafeInteger(header.seed)) {
    throw new RangeError(`Cannot record: seed must be a safe integer: found ${header.seed}`);
  }
  return {
    format: FORMAT_VERSION,
    uuid: identity.uuid,
    createdMs: identity.createdMs,
    seed: header.seed,
    backend: header.backend,
    options: jsonText("options", header.options),
    selection: jsonText("selection", header.selection),
    ...identity.host,
  };
}

/** The providers' rows. @throws {RangeError} for more than the format holds */
export function providerRows(providers: readonly ProviderEntry[]): ProviderRow[] {
  if (providers.length > PROVIDERS_MAX) {
    throw new RangeError(`Cannot record ${providers.length} providers: at most ${PROVIDERS_MAX}`);
  }
  return providers.map(({ kind, version, stateVersion, config }, index) => {
    checkName("a provider's kind", kind);
    checkName("a provider's version", version);
    if (!Number.isSafeInteger(stateVersion) || stateVersion < 0) {
      throw new RangeError(`Cannot record ${kind}: stateVersion must be whole: ${stateVersion}`);
    }
    return { index, kind, version, stateVersion, config: jsonText(`${kind}'s config`, config) };
  });
}

/** The attachments' rows. @throws {RangeError} for more than the format holds */
export function attachmentRows(attachments: readonly Attachment[]): AttachmentRow[] {
  if (attachments.length > ATTACHMENTS_MAX) {
    throw new RangeError(`Cannot attach ${attachments.length} files: at most ${ATTACHMENTS_MAX}`);
  }
  const names = new Set<string>();
  return attachments.map(({ name, content }) => {
    checkName("an attachment's name", name);
    if (names.has(name)) throw new RangeError(`Cannot attach ${name} twice: names are unique`);
    names.add(name);
    if (content.length > ATTACHMENT_BYTES_MAX) {
      throw new RangeError(
        `Cannot attach ${name}: ${content.length} bytes exceed ${ATTACHMENT_BYTES_MAX}`,
      );
    }
    return { name, length: content.length, sha256: sha256(content) };
  });
}

/** Computes seals: everything but the progress is hashed once. */
export class HeaderSeal {
  /** The hash of everything but the progress, in hexadecimal. */
  readonly fixed: string;

  /** @param fixed as an earlier seal of the same header had it */
  constructor(fixed: string) {
    this.fixed = fixed;
  }

  static of(
    header: HeaderRow,
    providers: readonly ProviderRow[],
    attachments: readonly AttachmentRow[],
  ): HeaderSeal {
    const { format, uuid, createdMs, seed, backend, options, selection } = header;
    const { ioreel, bun, kernel, arch } = header;
    const byName = attachments.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const fixed = [
      [format, uuid, createdMs, seed, backend, options, selection, ioreel, bun, kernel, arch],
      providers.map((row) => [row.index, row.kind, row.version, row.stateVersion, row.config]),
      byName.map((row) => [row.name, row.length, row.sha256.toHex()]),
    ];
    return new HeaderSeal(sha256(`ioreel recording ${JSON.stringify(fixed)}`).toHex());
  }

  /** The seal of the recording at this point: 32 bytes. */
  seal(progress: RecordingProgress): Uint8Array {
    const { state, eventCount, digest, outcome } = progress;
    return sha256(JSON.stringify([this.fixed, state, eventCount, digest, outcome]));
  }
}
