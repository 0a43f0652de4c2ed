/**
 * The tap that writes a run down: each fact becomes an event of the segment being filled, and full
 * segments go to a {@link SegmentSink}. Payloads that came in are kept in full; what the program
 * wrote is kept as a checksum, because a replay computes it again.
 */
import { OPCODE } from "../backend/contract.ts";
import { isReelError, ReelError } from "../errors.ts";
import { TAG } from "./codec/format.ts";
import { bringsContent, NO_DIGEST } from "./event.ts";
import type { RecordPolicy } from "./record-policy.ts";
import { redactTap, Redactor } from "./redaction.ts";
import { SegmentWriter } from "./segment-writer.ts";
import type { RawSegment, SegmentSink } from "./segment.ts";
import type { StatePart, Tap } from "./tap.ts";

/** Events from one state to the next: what is to be looked at to find where runs part. */
export const STATE_EVENTS_DEFAULT = 16_384;

export interface RecorderOptions extends RecordPolicy {
  /** Events from one state to the next, default 16,384; Infinity for none. */
  readonly stateEvents?: number | undefined;
}

const digestOf = (bytes: Uint8Array | undefined): number =>
  bytes === undefined ? NO_DIGEST : Bun.hash.crc32(bytes);

/**
 * Records a run.
 *
 * A sink that fails ends the recording, not the call that filled the segment, which may be deep in
 * a provider: the next {@link turn} throws the error, once, and everything else does nothing from
 * then on, so that the run can wind down. Segments written before stay good.
 */
export class Recorder implements Tap {
  private readonly writer: SegmentWriter;
  private readonly encoder: SegmentWriter["encoder"];
  private readonly sink: SegmentSink;
  private readonly stateEvents: number;
  /** Whether payloads are kept as checksums: always, or while the sink says so. */
  private readonly digests: boolean;
  private readonly yields: boolean;
  readonly wantsPayload: boolean;
  /** How many payloads were not kept. */
  private missingCount = 0;
  private stateAt = 0;
  private operationCount = 0;
  private named: string | undefined;
  private ended: ReelError | undefined;
  /** Whether the run knows of the failure. */
  private thrown = false;

  constructor(sink: SegmentSink, options: RecorderOptions = {}) {
    this.stateEvents = options.stateEvents ?? STATE_EVENTS_DEFAULT;
    const { mode, payload, redact = [] } = options;
    this.digests = payload === "digest" || payload === "none";
    this.wantsPayload = payload !== "none";
    this.yields = mode === "digest";
    this.sink = sink;
    this.writer = new SegmentWriter(sink);
    this.encoder = this.writer.encoder;
    if (redact.length > 0) {
      // A state holds bytes that came in as they came.
      this.stateEvents = Infinity;
      redactTap(this, new Redactor(redact));
    }
  }

  /** The segment that is being filled, as it is now. */
  get pending(): RawSegment | undefined {
    return this.ended === undefined ? this.writer.pending : undefined;
  }

  /** How many payloads are kept as checksums only. */
  get missing(): number {
    return this.missingCount;
  }

  /** Events so far. */
  get events(): number {
    return this.writer.events;
  }

  /** Operations so far: ring requests and starts. */
  get operations(): number {
    return this.operationCount;
  }

  /** The outcome that {@link end} named, or undefined while the run goes on. */
  get outcome(): string | undefined {
    return this.named;
  }

  /** What ended the recording before the run ended, if anything did. */
  get failure(): ReelError | undefined {
    return this.ended;
  }

  /**
   * Hands over what is in the unfinished segment. Call once, after the last event; what goes wrong
   * shows in {@link failure}.
   */
  flush(): void {
    if (this.ended !== undefined) return;
    try {
      this.writer.flush();
    } catch (error) {
      this.fail(error);
    }
  }

  /** @throws {ReelError} ERR_STORE when the recording has ended since the turn before */
  turn(steps: number, nowNs: number): void {
    if (this.ended !== undefined) {
      if (this.thrown) return;
      this.thrown = true;
      throw this.ended;
    }
    this.encoder.turn(steps, nowNs);
    this.wrote();
  }

  submit(
    slot: number,
    opcode: number,
    file: number,
    length: number,
    offset: number,
    opFlags: number,
    bytes: Uint8Array | undefined,
    how = 0,
  ): void {
    if (this.ended !== undefined) return;
    const { encoder } = this;
    encoder.submit(slot, opcode, file, length, offset, opFlags, digestOf(bytes), how);
    if (opcode !== OPCODE.LINK_TIMEOUT) this.operationCount++;
    this.wrote();
  }

  cancel(slot: number): void {
    if (this.ended !== undefined) return;
    this.encoder.cancel(slot);
    this.wrote();
  }

  complete(slot: number, result: number, flags: number, bytes: Uint8Array | undefined): void {
    if (this.ended !== undefined) return;
    const kept = bytes !== undefined && this.omits(bytes) ? undefined : bytes;
    this.encoder.complete(slot, result, flags, kept);
    this.wrote();
  }

  interrupt(line: number): void {
    if (this.ended !== undefined) return;
    this.encoder.interrupt(line);
    this.wrote();
  }

  expire(nowNs: number): void {
    if (this.ended !== undefined) return;
    this.encoder.expire(nowNs);
    this.wrote();
  }

  input(kind: number, value: number): void {
    if (this.ended !== undefined) return;
    this.encoder.input(kind, value);
    this.wrote();
  }

  clock(nowNs: number): void {
    if (this.ended !== undefined) return;
    this.encoder.clock(nowNs);
    this.wrote();
  }

  host(
    call: number,
    args: readonly number[],
    results: readonly number[],
    bytes: Uint8Array | undefined,
  ): void {
    if (this.ended !== undefined) return;
    const isOmitted = bytes !== undefined && bringsContent(call) && this.omits(bytes);
    const kept = isOmitted ? undefined : bytes;
    this.encoder.host(call, args, results, kept);
    this.wrote();
  }

  start(
    slot: number,
    provider: number,
    handle: number,
    operation: number,
    offset: number,
    length: number,
    bytes: Uint8Array | undefined,
    argument = 0,
  ): void {
    if (this.ended !== undefined) return;
    const { encoder } = this;
    const digest = digestOf(bytes);
    encoder.start(slot, provider, handle, operation, offset, length, digest, argument);
    this.operationCount++;
    this.wrote();
  }

  settle(slot: number, result: number, bytes: Uint8Array | undefined): void {
    if (this.ended !== undefined) return;
    this.encoder.settle(slot, result, digestOf(bytes));
    this.wrote();
  }

  get wantsState(): boolean {
    return this.writer.events - this.stateAt >= this.stateEvents && this.ended === undefined;
  }

  state(parts: readonly StatePart[]): void {
    if (this.ended !== undefined) return;
    this.stateAt = this.writer.events;
    const digests = parts.map(({ bytes }) => Bun.hash.crc32(bytes));
    this.encoder.state(digests);
    try {
      this.sink.keepState?.(this.stateAt, parts, digests);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.wrote();
  }

  mark(text: string): void {
    if (this.ended !== undefined) return;
    this.encoder.text(TAG.MARK, text);
    this.wrote();
  }

  end(outcome: string): void {
    this.named = outcome;
    if (this.ended !== undefined) return;
    this.encoder.text(TAG.END, outcome);
    this.wrote();
  }

  /** Whether a payload is not kept; then its checksum stands before the event that had it. */
  private omits(bytes: Uint8Array): boolean {
    if (!this.digests && !(this.yields && this.sink.isPressed === true)) return false;
    this.encoder.digested({ length: bytes.length, digest: Bun.hash.crc32(bytes) });
    this.missingCount++;
    return true;
  }

  private wrote(): void {
    if (this.writer.counts()) this.seal();
  }

  private seal(): void {
    try {
      this.writer.seal();
    } catch (error) {
      this.fail(error);
    }
  }

  private fail(error: unknown): void {
    this.ended = isReelError(error)
      ? error
      : new ReelError("ERR_STORE", "Cannot go on recording: the sink failed", { cause: error });
  }
}
