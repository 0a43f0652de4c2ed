/**
 * Where a recorder's events go: into the open frame of the tail, and from there, once the frame is
 * full, into the database. A session of one segment is archived by this thread when it ends; longer
 * ones by a Worker that starts with the second segment.
 */
import { FRAME_BYTES } from "../codec/format.ts";
import type { ReelError } from "../../errors.ts";
import type { FrameSink, OpenFrame, RawSegment } from "../segment.ts";
import { SegmentChain } from "../segment.ts";
import type { RecordPolicy } from "../record-policy.ts";
import { storeError } from "../store/errors.ts";
import { newIdentity } from "../store/header.ts";
import type { RecordingHeader, RecordingState } from "../store/header.ts";
import { RecordingWriter } from "../store/writer.ts";
import type { WriterOptions } from "../store/writer.ts";
import {
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FRAME_ROOM_BYTES,
  TAIL_BYTES,
  TAIL_MODE,
} from "../tail/layout.ts";
import { SNAPSHOT_CODEC, SnapshotEncoder } from "../tail/snapshot-frame.ts";
import { removeTails, syncFolder } from "../tail/tail-file.ts";
import type { StatePart } from "../tap.ts";
import { Archiver, readSegment } from "./archiver.ts";
import { OpenTail } from "./open-tail.ts";
import { ArchiveThread } from "./archive-thread.ts";
import type { ArchiveSetup } from "./archive-loop.ts";

/** How full the ring is when payloads are left out where that is wanted. */
const PRESSED = 0.5;

/** How a recording stands when it has ended. */
export interface TailEnd {
  /** Whether there is a recording. */
  readonly kept: boolean;
  readonly eventCount: number;
  readonly digest: string;
  /** Why not all of it is in the file, if it is not. */
  readonly failure: ReelError | undefined;
}

export type TailOptions = WriterOptions & Pick<RecordPolicy, "mode">;

export class TailSink implements FrameSink {
  readonly #writer: RecordingWriter;
  readonly #tail: OpenTail;
  readonly #options: ArchiveSetup["options"];
  #thread: ArchiveThread | undefined;
  /** This thread's own archiver, while it has the file open for it. */
  #archiver: Archiver | undefined;
  #committed = 0;
  readonly #snapshots = new SnapshotEncoder();
  #isPressed = false;
  /** Why nothing more is kept, once it is so. */
  #failure: ReelError | undefined;
  #frame: OpenFrame;

  /**
   * Makes the recording's file and its tail.
   * @throws {ReelError} ERR_STORE; what was at the path is as it was
   * @throws {RangeError} for a header that the format does not hold
   */
  constructor(path: string, header: RecordingHeader, options: TailOptions = {}) {
    const { durable = false, sizeBytesMax = Infinity, identity = newIdentity(header) } = options;
    this.#options = { durable, sizeBytesMax };
    const mode = options.mode === "digest" ? TAIL_MODE.DIGEST : TAIL_MODE.BLOCK;
    const facts = { uuid: identity.uuid, mode, sizeBytes: TAIL_BYTES };
    this.#tail = new OpenTail(path, facts, durable);
    this.#writer = this.#tail.place(
      () => new RecordingWriter(path, header, { ...options, identity }),
    );
    if (durable) syncFolder(path);
    this.#frame = this.#openFrame(0, 0);
    // Somebody has to bring the tail to the disk, from the first event on.
    if (durable) this.#start();
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

  /** Whether the ring is so full that the program is about to wait. */
  get isPressed(): boolean {
    return this.#isPressed;
  }

  /**
   * Seals the open frame and opens the next one, for which it waits if the ring is full.
   * @throws {ReelError} ERR_STORE when archiving has failed; what is in the tail stays there
   */
  write(raw: RawSegment, last: boolean): void {
    const failure = this.#tail.seal(raw, this.#frame);
    this.#failure ??= failure;
    if (this.#failure !== undefined) throw this.#failure;
    if (last) return;
    this.#archive();
    while (!this.#tail.ring.fits(FRAME_ROOM_BYTES, this.#committed)) this.#await();
    this.#isPressed = this.#tail.ring.fill(this.#committed) > PRESSED;
    this.#frame = this.#openFrame(raw.firstSequence + raw.eventCount, raw.timeLastNs);
  }

  /**
   * Places the parts of a state behind the open frame, or in a file where they have no room there.
   * What goes wrong is told when the frame is sealed, so that its events are not in question.
   */
  keepState(sequence: number, parts: readonly StatePart[], digests: readonly number[]): void {
    if (this.#failure !== undefined) return;
    const bytes = this.#snapshots.measure(parts, digests);
    const start = { kind: FRAME_KIND.SNAPSHOT, firstSequence: sequence, timeFirstNs: 0 };
    try {
      const size = this.#roomFor(bytes);
      if (size === undefined) {
        this.#snapshots.forget();
        return;
      }
      this.#tail.ring.placeBehind(start, size, this.#committed, (room, ordinal) => {
        this.#snapshots.write(room);
        if (size.inFile) this.#tail.writeFile(ordinal, room);
        return { codec: SNAPSHOT_CODEC, eventCount: 0, timeLastNs: 0 };
      });
    } catch (error) {
      this.#failure = storeError(`record to ${this.path}`, error);
    }
  }

  /**
   * How parts of a snapshot can be placed.
   * @returns undefined when not even their header has room: what is behind the open frame stays
   *   there until that is sealed, so that waiting would not help
   */
  #roomFor(bytes: number): { bytes: number; inFile: boolean } | undefined {
    for (;;) {
      const committed = this.#committed;
      const inside = FRAME_HEADER_BYTES + bytes;
      const fits = bytes <= FRAME_BYTES && this.#tail.ring.fits(inside, committed);
      if (fits) return { bytes, inFile: false };
      const canWait = bytes <= FRAME_BYTES && committed < this.#tail.ring.open;
      if (!canWait) break;
      this.#await();
    }
    const fits = this.#tail.ring.fits(FRAME_HEADER_BYTES, this.#committed);
    return fits ? { bytes, inFile: true } : undefined;
  }

  #archive(): void {
    if (this.#archiver !== undefined) {
      this.#takeAll(this.#archiver);
      return;
    }
    const thread = this.#start();
    thread.tell(this.#tail.ring.sealed);
    this.#committed = thread.committed;
    const { failure } = thread;
    if (failure !== undefined) throw failure;
  }

  #start(): ArchiveThread {
    this.#thread ??= new ArchiveThread(this.#writer.handOver(), 0, this.#options);
    return this.#thread;
  }

  /** Waits for room. A Worker that is gone is not replaced: this thread archives from then on. */
  #await(): void {
    const thread = this.#thread;
    if (thread === undefined) throw new Error("The ring is full of frames that are archived");
    if (thread.waitBeyond(this.#committed)) {
      this.#committed = thread.committed;
      return;
    }
    if (thread.failure !== undefined) throw thread.failure;
    this.#thread = undefined;
    this.#takeAll(this.#ownArchiver());
  }

  #ownArchiver(): Archiver {
    const { path } = this.#writer;
    const inserter = this.#writer.inserter();
    this.#archiver ??= new Archiver(path, this.#tail.memory, inserter, this.#committed);
    return this.#archiver;
  }

  #takeAll(archiver: Archiver): void {
    while (archiver.committed < this.#tail.ring.sealed) archiver.take(false);
    this.#committed = archiver.committed;
  }

  #openFrame(firstSequence: number, timeFirstNs: number): OpenFrame {
    const start = { kind: FRAME_KIND.EVENTS, firstSequence, timeFirstNs };
    return this.#tail.open(start, this.#committed);
  }

  /**
   * Takes in what there is, and ends the recording. When that fails the file still says that it is
   * being recorded, and the tail has what the file has not: opening it recovers both.
   * @returns how much is kept, in the file or in the tail
   */
  finish(state: Exclude<RecordingState, "recording">, outcome: string | null): TailEnd {
    const writer = this.#writer;
    this.#closeThread();
    try {
      this.#takeAll(this.#ownArchiver());
      writer.finish(state, outcome);
      removeTails(writer.path);
      const { digest, eventCount } = writer;
      return { kept: true, eventCount, digest, failure: undefined };
    } catch (error) {
      writer.abandon();
      return {
        kept: true,
        ...this.#endInTail(),
        failure: storeError(`record to ${writer.path}`, error),
      };
    }
  }

  #closeThread(): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    thread.tell(this.#tail.ring.sealed);
    thread.close();
    this.#committed = thread.committed;
    this.#thread = undefined;
  }

  /** How far the session goes, counting what is in sealed frames alone. */
  #endInTail(): { eventCount: number; digest: string } {
    const writer = this.#writer;
    const chain = new SegmentChain(Uint8Array.fromHex(writer.digest));
    let { eventCount } = writer;
    for (let ordinal = this.#committed; ordinal < this.#tail.ring.sealed; ordinal++) {
      const segment = readSegment(this.#tail.memory, writer.path, ordinal);
      if (segment === undefined || segment.firstSequence !== eventCount) continue;
      chain.seal(segment);
      eventCount += segment.eventCount;
    }
    return { eventCount, digest: chain.digest };
  }
}
