/**
 * A Perfetto trace of track events (protos/perfetto/trace/trace_packet.proto and track_event/ of
 * the Perfetto project). A process track for each provider; under it a track for each lane of its
 * ends, so that operations that overlap are side by side; counters; and a track of completions, to
 * which a flow arrow leads from each operation's beginning.
 */
import { codeOfResult } from "../../errors.ts";
import { nameDigest } from "../describe.ts";
import { NO_DIGEST } from "../event.ts";
import { Activity } from "./activity.ts";
import type { End } from "./ends.ts";
import { Lanes } from "./lanes.ts";
import type { Operation } from "./operation.ts";
import type { Output } from "./output.ts";
import {
  COUNTER,
  DEBUG_ANNOTATION,
  EVENT_TYPE,
  PACKET,
  PROCESS,
  SEQUENCE_CLEARED,
  TRACE_PACKET,
  TRACK,
  TRACK_EVENT,
  UNIT,
} from "./perfetto-fields.ts";
import { ProtoMessage } from "./protobuf.ts";
import type { WalkVisitor } from "./walk.ts";

/** All packets are of one writer. */
const SEQUENCE_ID = 1;
const NO_TRACK = 0;

interface ProviderTracks {
  readonly process: number;
  readonly completions: number;
}

export class PerfettoTrace implements WalkVisitor {
  readonly #output: Output;
  readonly #activity = new Activity();
  readonly #lanes = new Lanes();
  /** Lane of the operation in each slot. */
  readonly #laneOfSlot: number[] = [];
  readonly #tracks = new WeakMap<End, number[]>();
  readonly #providers = new Map<string, ProviderTracks>();
  readonly #outer = new ProtoMessage();
  readonly #packet = new ProtoMessage();
  readonly #event = new ProtoMessage();
  readonly #note = new ProtoMessage();
  readonly #session: number;
  readonly #inFlight: number;
  readonly #read: number;
  readonly #written: number;
  #trackCount = 0;

  /** @param about what the trace says of its recording */
  constructor(output: Output, about: Readonly<Record<string, unknown>>) {
    this.#output = output;
    this.#session = this.#processTrack("session", 1);
    this.#inFlight = this.#counterTrack("operations in flight", UNIT.COUNT);
    this.#read = this.#counterTrack("bytes read", UNIT.SIZE_BYTES);
    this.#written = this.#counterTrack("bytes written", UNIT.SIZE_BYTES);
    this.#begin(EVENT_TYPE.INSTANT, this.#session, "recording");
    for (const [name, value] of Object.entries(about)) this.#annotate(name, value);
    this.#send(0);
  }

  get stopped(): boolean {
    return this.#output.stopped;
  }

  begin(operation: Operation): void {
    const { beginNs, end, slot } = operation;
    this.#activity.begin();
    const lane = this.#lanes.take(end);
    this.#laneOfSlot[slot] = lane;
    this.#begin(EVENT_TYPE.SLICE_BEGIN, this.#trackOf(end, lane), operation.action, end.kind);
    this.#event.fixed64(TRACK_EVENT.FLOW_IDS, operation.number);
    this.#annotate("operation", operation.number);
    this.#annotate("sequence", operation.sequence);
    this.#annotate("slot", slot);
    this.#annotate("length", operation.length);
    this.#annotate("offset", operation.offset);
    if (operation.digest !== NO_DIGEST) this.#annotate("payload", nameDigest(operation.digest));
    this.#send(beginNs);
    this.#count(this.#inFlight, beginNs, this.#activity.inFlight);
  }

  result(
    operation: Operation,
    timeNs: number,
    result: number,
    _bytes: Uint8Array | undefined,
    last: boolean,
  ): void {
    const moved = this.#activity.result(operation, result, last);
    if (last) {
      this.#endSlice(operation, timeNs, result);
      const { completions } = this.#tracksOf(operation.end.kind);
      this.#begin(EVENT_TYPE.INSTANT, completions, operation.action, operation.end.kind);
      this.#event.fixed64(TRACK_EVENT.TERMINATING_FLOW_IDS, operation.number);
      this.#send(timeNs);
      this.#count(this.#inFlight, timeNs, this.#activity.inFlight);
    }
    if (!moved) return;
    const { readBytes, writtenBytes } = this.#activity;
    if (operation.action === "read") this.#count(this.#read, timeNs, readBytes);
    else this.#count(this.#written, timeNs, writtenBytes);
  }

  unfinished(operation: Operation, timeNs: number): void {
    this.#endSlice(operation, timeNs, undefined);
  }

  instant(kind: string, text: string, timeNs: number): void {
    this.#begin(EVENT_TYPE.INSTANT, this.#session, `${kind}: ${text}`, kind);
    this.#send(timeNs);
  }

  finish(): void {
    this.#output.flush();
  }

  #endSlice(operation: Operation, timeNs: number, result: number | undefined): void {
    const lane = this.#laneOfSlot[operation.slot]!;
    this.#lanes.free(operation.end, lane);
    this.#begin(EVENT_TYPE.SLICE_END, this.#trackOf(operation.end, lane));
    if (result === undefined) this.#annotate("unfinished", 1);
    else this.#annotate("result", result);
    if (result !== undefined && result < 0) this.#annotate("error", codeOfResult(result));
    this.#send(timeNs);
  }

  #count(track: number, timeNs: number, value: number): void {
    this.#begin(EVENT_TYPE.COUNTER, track);
    this.#event.number(TRACK_EVENT.COUNTER_VALUE, value);
    this.#send(timeNs);
  }

  /** Begins the event that the next {@link #send} sends. */
  #begin(type: number, track: number, name?: string, category?: string): void {
    const event = this.#event.clear();
    event.number(TRACK_EVENT.TYPE, type).number(TRACK_EVENT.TRACK_UUID, track);
    if (category !== undefined) event.text(TRACK_EVENT.CATEGORIES, category);
    if (name !== undefined) event.text(TRACK_EVENT.NAME, name);
  }

  #annotate(name: string, value: unknown): void {
    const note = this.#note.clear().text(DEBUG_ANNOTATION.NAME, name);
    if (Number.isSafeInteger(value)) note.number(DEBUG_ANNOTATION.INT_VALUE, value as number);
    else note.text(DEBUG_ANNOTATION.STRING_VALUE, String(value));
    this.#event.message(TRACK_EVENT.DEBUG_ANNOTATIONS, note);
  }

  #send(timeNs: number): void {
    const packet = this.#packet.clear().number(TRACE_PACKET.TIMESTAMP, timeNs);
    this.#sendPacket(packet.message(TRACE_PACKET.TRACK_EVENT, this.#event));
  }

  #sendPacket(packet: ProtoMessage): void {
    packet.number(TRACE_PACKET.TRUSTED_PACKET_SEQUENCE_ID, SEQUENCE_ID);
    this.#output.bytes(this.#outer.clear().message(PACKET, packet).bytes);
  }

  #trackOf(end: End, lane: number): number {
    let tracks = this.#tracks.get(end);
    if (tracks === undefined) this.#tracks.set(end, (tracks = []));
    return (tracks[lane] ??= this.#track(end.name, this.#tracksOf(end.kind).process));
  }

  #tracksOf(kind: string): ProviderTracks {
    let tracks = this.#providers.get(kind);
    if (tracks === undefined) {
      const process = this.#processTrack(kind, this.#providers.size + 2);
      tracks = { process, completions: this.#track("completions", process) };
      this.#providers.set(kind, tracks);
    }
    return tracks;
  }

  #processTrack(name: string, pid: number): number {
    const process = new ProtoMessage().number(PROCESS.PID, pid).text(PROCESS.PROCESS_NAME, name);
    return this.#track(name, NO_TRACK, (track) => track.message(TRACK.PROCESS, process));
  }

  #counterTrack(name: string, unit: number): number {
    const counter = new ProtoMessage().number(COUNTER.UNIT, unit);
    return this.#track(name, this.#session, (track) => track.message(TRACK.COUNTER, counter));
  }

  /** Describes a new track. @returns its number */
  #track(name: string, parent: number, more?: (track: ProtoMessage) => void): number {
    this.#trackCount++;
    const track = new ProtoMessage().number(TRACK.UUID, this.#trackCount).text(TRACK.NAME, name);
    if (parent !== NO_TRACK) track.number(TRACK.PARENT_UUID, parent);
    more?.(track);
    const packet = new ProtoMessage();
    if (this.#trackCount === 1) {
      packet.number(TRACE_PACKET.SEQUENCE_FLAGS, SEQUENCE_CLEARED);
      packet.number(TRACE_PACKET.FIRST_PACKET_ON_SEQUENCE, 1);
    }
    this.#sendPacket(packet.message(TRACE_PACKET.TRACK_DESCRIPTOR, track));
    return this.#trackCount;
  }
}
