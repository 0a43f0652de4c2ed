/**
 * A packet capture of a recording's TCP connections, for Wireshark and its like: classic pcap with
 * nanoseconds (draft-ietf-opsawg-pcap), packets without a link layer. The packets are made up
 * around the bytes that operations moved. What came in is there in full where the recording holds
 * it; what went out was recorded as a checksum, so its packets are cut off behind their headers, as
 * a capture with a short snapshot length would have cut them, and say how long they were.
 */
import { NS_PER_MS } from "../../clock.ts";
import type { EventRecord } from "../event.ts";
import type { End } from "./ends.ts";
import { Endpoints, type Sides } from "./endpoints.ts";
import type { Operation } from "./operation.ts";
import type { Output } from "./output.ts";
import { SegmentBuilder, TCP_FLAG } from "./segments.ts";
import type { WalkVisitor } from "./walk.ts";

const MAGIC_NANOSECONDS = 0xa1b23c4d;
const SNAPSHOT_BYTES = 262_144;
/** LINKTYPE_RAW: packets begin with their IP header. */
const LINKTYPE_RAW = 101;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** What fits into a frame of Ethernet behind the headers of IPv6 and TCP. */
const SEGMENT_BYTES = 1440;
const { ACK, FIN, PSH, RST, SYN } = TCP_FLAG;
/** Distance of the first sequence numbers of two connections. */
const SEQUENCE_STEP = 64_000;

/** A connection on its way through the capture. */
interface Flow {
  readonly sides: Sides;
  /** Next sequence number of each side. */
  local: number;
  peer: number;
  localEnded: boolean;
  peerEnded: boolean;
}

export class PacketCapture implements WalkVisitor {
  readonly #output: Output;
  readonly #createdMs: number;
  readonly #endpoints = new Endpoints();
  readonly #flows = new WeakMap<End, Flow>();
  readonly #builder = new SegmentBuilder(SEGMENT_BYTES);
  readonly #header = new DataView(new ArrayBuffer(RECORD_HEADER_BYTES));
  #connections = 0;
  #cutOff = false;

  /** @param createdMs wall clock at the beginning of the session, since 1970 */
  constructor(output: Output, createdMs: number) {
    this.#output = output;
    this.#createdMs = createdMs;
    const header = new DataView(new ArrayBuffer(FILE_HEADER_BYTES));
    header.setUint32(0, MAGIC_NANOSECONDS, true);
    header.setUint16(4, 2, true);
    header.setUint16(6, 4, true);
    header.setUint32(16, SNAPSHOT_BYTES, true);
    header.setUint32(20, LINKTYPE_RAW, true);
    output.bytes(new Uint8Array(header.buffer));
  }

  get stopped(): boolean {
    return this.#output.stopped;
  }

  get notes(): readonly string[] {
    if (this.#connections === 0) return ["the recording has no TCP connection"];
    if (!this.#cutOff) return [];
    return ["payloads that the recording holds as checksums only are cut off behind the headers"];
  }

  hostCall(record: EventRecord): void {
    this.#endpoints.hostCall(record);
  }

  begin(operation: Operation): void {
    const { action, beginNs, end, moves } = operation;
    if (end.kind !== "tcp") return;
    if (action === "connect") this.#endpoints.connecting(operation);
    // The emulated machine does not say which of its ends listen: an end that moves bytes does not.
    else if ((moves || action === "end") && !this.#flows.has(end)) this.#open(end, beginNs, true);
  }

  accepted(end: End, timeNs: number): void {
    if (end.kind === "tcp") this.#open(end, timeNs, false);
  }

  result(
    operation: Operation,
    timeNs: number,
    result: number,
    bytes: Uint8Array | undefined,
    last: boolean,
  ): void {
    const { action, end } = operation;
    if (end.kind !== "tcp") return;
    if (action === "connect") {
      if (result === 0) this.#open(end, timeNs, true);
      return;
    }
    const flow = this.#flows.get(end);
    if (flow === undefined) return;
    if (action === "write" && result > 0) this.#carry(flow, true, timeNs, result);
    else if (action === "read" && result > 0) this.#carry(flow, false, timeNs, bytes ?? result);
    else if (action === "read" && result === 0 && last) this.#end(flow, false, timeNs);
    else if (action === "end" && result === 0) this.#end(flow, true, timeNs);
    else if (action === "abort" && result === 0) this.#send(flow, true, timeNs, RST | ACK, 0);
  }

  closed(end: End, timeNs: number): void {
    const flow = this.#flows.get(end);
    if (flow !== undefined) this.#end(flow, true, timeNs);
    this.#flows.delete(end);
  }

  finish(): void {
    this.#output.flush();
  }

  /** The three packets of a handshake. */
  #open(end: End, timeNs: number, isClient: boolean): void {
    this.#connections++;
    const first = (end.ordinal * SEQUENCE_STEP) >>> 0;
    const sides = this.#endpoints.of(end);
    const ended = { localEnded: false, peerEnded: false };
    const flow: Flow = { sides, local: first, peer: (first + SEQUENCE_STEP / 2) >>> 0, ...ended };
    this.#flows.set(end, flow);
    this.#send(flow, isClient, timeNs, SYN, 0);
    this.#send(flow, !isClient, timeNs, SYN | ACK, 0);
    this.#send(flow, isClient, timeNs, ACK, 0);
  }

  /** Bytes in as many segments as they need, then what says that they have arrived. */
  #carry(flow: Flow, isOut: boolean, timeNs: number, payload: Uint8Array | number): void {
    const length = typeof payload === "number" ? payload : payload.length;
    if (typeof payload === "number") this.#cutOff = true;
    for (let at = 0; at < length; at += SEGMENT_BYTES) {
      const end = Math.min(at + SEGMENT_BYTES, length);
      const part = typeof payload === "number" ? end - at : payload.subarray(at, end);
      this.#send(flow, isOut, timeNs, end === length ? ACK | PSH : ACK, part);
    }
    this.#send(flow, !isOut, timeNs, ACK, 0);
  }

  #end(flow: Flow, isOut: boolean, timeNs: number): void {
    if (isOut ? flow.localEnded : flow.peerEnded) return;
    if (isOut) flow.localEnded = true;
    else flow.peerEnded = true;
    this.#send(flow, isOut, timeNs, FIN | ACK, 0);
    this.#send(flow, !isOut, timeNs, ACK, 0);
  }

  #send(
    flow: Flow,
    isOut: boolean,
    timeNs: number,
    flags: number,
    payload: Uint8Array | number,
  ): void {
    const { local, peer, sides } = flow;
    const hasAck = (flags & ACK) !== 0;
    const { captured, wholeBytes } = this.#builder.build({
      from: isOut ? sides.local : sides.peer,
      to: isOut ? sides.peer : sides.local,
      sequence: isOut ? local : peer,
      acknowledged: !hasAck ? 0 : isOut ? peer : local,
      flags,
      payload,
    });
    const bytes = typeof payload === "number" ? payload : payload.length;
    const taken = bytes + ((flags & (SYN | FIN)) !== 0 ? 1 : 0);
    if (isOut) flow.local = (local + taken) >>> 0;
    else flow.peer = (peer + taken) >>> 0;
    this.#record(timeNs, captured, wholeBytes);
  }

  #record(timeNs: number, captured: Uint8Array, wholeBytes: number): void {
    const ms = this.#createdMs + Math.floor(timeNs / NS_PER_MS);
    const header = this.#header;
    header.setUint32(0, Math.floor(ms / 1000), true);
    header.setUint32(4, (ms % 1000) * NS_PER_MS + (timeNs % NS_PER_MS), true);
    header.setUint32(8, captured.length, true);
    header.setUint32(12, wholeBytes, true);
    this.#output.bytes(new Uint8Array(header.buffer));
    this.#output.bytes(captured);
  }
}
