/**
 * Where the events of a flight recording go: into the ring of a tail, over the oldest, and nowhere
 * else while the run goes on. What the ring holds is written out as a recording of its own when the
 * run fails, or when somebody asks; after a run that went well there is what was there before.
 *
 * Such a recording begins at its first kept event, which gets the number 0 and the time 0.
 */
import { renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { FrameSink, OpenFrame, RawSegment } from "../segment.ts";
import { SegmentChain } from "../segment.ts";
import { tailBytes } from "../record-policy.ts";
import type { RecordPolicy } from "../record-policy.ts";
import { storeError } from "../store/errors.ts";
import { newIdentity } from "../store/header.ts";
import type { RecordingHeader, RecordingIdentity, RecordingState } from "../store/header.ts";
import { RecordingWriter } from "../store/writer.ts";
import type { WriterOptions } from "../store/writer.ts";
import { FRAME_KIND, FRAME_ROOM_BYTES, TAIL_MODE } from "../tail/layout.ts";
import { removeTails } from "../tail/tail-file.ts";
import { readSegment } from "./archiver.ts";
import { OpenTail } from "./open-tail.ts";
import { SetAside } from "./set-aside.ts";
import type { TailEnd } from "./tail-sink.ts";

type EndState = Exclude<RecordingState, "recording" | "recovered">;

export class FlightSink implements FrameSink {
  readonly #header: RecordingHeader;
  readonly #identity: RecordingIdentity;
  readonly #writer: RecordingWriter;
  readonly #tail: OpenTail;
  /** Over all segments, kept or not. */
  readonly #chain = new SegmentChain();
  /** The oldest frame that is kept. */
  #oldest = 0;
  readonly #before: SetAside;
  #events = 0;
  #frame: OpenFrame;

  /**
   * Makes the file of a recording that has no events yet, and the ring beside it: who opens them
   * after this process was killed finds what the ring held.
   * @throws {ReelError} ERR_STORE; what was at the path is as it was
   * @throws {RangeError} for a header that the format does not hold
   */
  constructor(path: string, header: RecordingHeader, options: WriterOptions & RecordPolicy) {
    this.#header = header;
    this.#identity = options.identity ?? newIdentity(header);
    const sizeBytes = tailBytes(options);
    this.#tail = new OpenTail(path, {
      uuid: this.#identity.uuid,
      mode: TAIL_MODE.FLIGHT,
      sizeBytes,
    });
    const before = new SetAside(path);
    this.#before = before;
    try {
      this.#writer = this.#tail.place(() => {
        const writer = new RecordingWriter(path, header, { ...options, identity: this.#identity });
        writer.handOver();
        return writer;
      });
    } catch (error) {
      before.drop();
      throw error;
    }
    this.#frame = this.#openFrame(0, 0);
  }

  get path(): string {
    return this.#writer.path;
  }

  get uuid(): string {
    return this.#writer.uuid;
  }

  get frame(): OpenFrame {
    return this.#frame;
  }

  /** Seals the open frame and opens the next one, over the oldest if need be. */
  write(raw: RawSegment, last = false): void {
    this.#chain.seal(raw);
    this.#events = raw.firstSequence + raw.eventCount;
    const failure = this.#tail.seal(raw, this.#frame);
    if (failure !== undefined) throw failure;
    if (last) return;
    const { ring } = this.#tail;
    while (!ring.fits(FRAME_ROOM_BYTES, this.#oldest)) this.#tail.drop(this.#oldest++);
    this.#frame = this.#openFrame(this.#events, raw.timeLastNs);
  }

  #openFrame(firstSequence: number, timeFirstNs: number): OpenFrame {
    return this.#tail.open({ kind: FRAME_KIND.EVENTS, firstSequence, timeFirstNs }, this.#oldest);
  }

  /**
   * Writes what is kept at this moment to a recording of its own; the run goes on.
   * @param to another file than the recording's own
   * @param pending the segment that is being filled
   * @throws {ReelError} ERR_STORE
   */
  dump(to: string, pending: RawSegment | undefined): TailEnd {
    return this.#writeOut(to, pending === undefined ? [] : [pending], "interrupted", null);
  }

  /** Ends the recording: keeps it when the run did not end well. */
  finish(state: EndState, outcome: string | null): TailEnd {
    const { path } = this;
    this.#writer.abandon();
    try {
      if (state === "complete" && outcome === "ok") {
        removeTails(path);
        this.#before.restore();
        const { digest } = this.#chain;
        return { kept: false, eventCount: this.#events, digest, failure: undefined };
      }
      const end = this.#writeOut(path, [], state, outcome);
      removeTails(path);
      this.#before.drop();
      return end;
    } catch (error) {
      // What is there opens as it would if the process had been killed.
      const failure = storeError(`record to ${path}`, error);
      return { kept: true, eventCount: this.#events, digest: this.#chain.digest, failure };
    }
  }

  #writeOut(
    to: string,
    more: readonly RawSegment[],
    state: EndState,
    outcome: string | null,
  ): TailEnd {
    const draft = join(dirname(to), `.${basename(to)}.flight`);
    const first = this.#segmentFrom(this.#oldest) ?? more[0];
    const { firstSequence = 0, timeFirstNs = 0 } = first ?? {};
    const writer = new RecordingWriter(draft, this.#headerFrom(firstSequence, timeFirstNs), {
      identity: this.#identity,
    });
    try {
      const write = (raw: RawSegment): void => writer.write(moved(raw, firstSequence, timeFirstNs));
      for (let ordinal = this.#oldest; ordinal < this.#tail.ring.sealed; ordinal++) {
        write(readSegment(this.#tail.memory, this.path, ordinal)!);
      }
      for (const raw of more) write(raw);
      const { eventCount, digest } = writer;
      writer.finish(state, outcome);
      renameSync(draft, to);
      return { kept: true, eventCount, digest, failure: undefined };
    } catch (error) {
      writer.abandon();
      rmSync(draft, { force: true });
      throw storeError(`record to ${to}`, error);
    }
  }

  #segmentFrom(ordinal: number): RawSegment | undefined {
    if (ordinal >= this.#tail.ring.sealed) return undefined;
    return readSegment(this.#tail.memory, this.path, ordinal);
  }

  /** The header, and where in the session the recording begins. */
  #headerFrom(firstSequence: number, timeFirstNs: number): RecordingHeader {
    const options = this.#header.options as { record?: object } | null;
    const record = { ...options?.record, flight: { firstSequence, timeFirstNs } };
    return { ...this.#header, options: { ...options, record } };
  }
}

/** A segment as it is when the session begins at another place. */
function moved(raw: RawSegment, sequence: number, timeNs: number): RawSegment {
  return {
    ...raw,
    firstSequence: raw.firstSequence - sequence,
    timeFirstNs: raw.timeFirstNs - timeNs,
    timeLastNs: raw.timeLastNs - timeNs,
  };
}
