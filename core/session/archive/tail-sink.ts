/**
 * Where a recorder's events go: into the open frame of the tail, and from there, once the frame is
 * full, into the database. A session of one segment is archived by this thread when it ends; longer
 * ones by a Worker that starts with the second segment.
 */
import { rmSync, writeFileSync } from "node:fs";
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
import { FrameRing } from "../tail/frame-ring.ts";
import {
  FRAME_HEADER_BYTES,
  FRAME_KIND,
  FRAME_ROOM_BYTES,
  FRAME_WORD,
  outsizePath,
  TAIL_BYTES,
  TAIL_MODE,
} from "../tail/layout.ts";
import { SNAPSHOT_CODEC, SnapshotEncoder } from "../tail/snapshot-frame.ts";
import { draftTail, dropDraft, placeTail, removeTails, syncFolder } from "../tail/tail-file.ts";
import type { TailMemory } from "../tail/tail-file.ts";
import type { StatePart } from "../tap.ts";
import { Archiver, readSegment } from "./archiver.ts";
import { ArchiveThread } from "./archive-thread.ts";
import type { ArchiveSetup } from "./archive-loop.ts";

/** How full the ring is when payloads are left out where that is wanted. */
const PRESSED = 0.5;

/** How a recording stands when it has ended. */
export interface TailEnd {
  readonly eventCount: number;
  readonly digest: string;
  /** Why not all of it is in the file, if it is not. */
  readonly failure: ReelError | undefined;
}

export type TailOptions = WriterOptions & Pick<RecordPolicy, "mode">;

export class TailSink implements FrameSink {
  readonly #writer: RecordingWriter;
  readonly #memory: TailMemory;
  readonly #ring: FrameRing;
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
    try {
      this.#memory = draftTail(path, facts);
    } catch (error) {
      throw storeError(`record to ${path}`, error);
    }
    try {
      this.#writer = new RecordingWriter(path, header, { ...options, identity });
      placeTail(path);
      if (durable) syncFolder(path);
    } catch (error) {
      dropDraft(path);
      throw error instanceof RangeError ? error : storeError(`record to ${path}`, error);
    }
    this.#ring = new FrameRing(this.#memory);
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
    this.#seal(raw);
    if (this.#failure !== undefined) throw this.#failure;
    if (last) return;
    this.#archive();
    while (!this.#ring.fits(FRAME_ROOM_BYTES, this.#committed)) this.#await();
    this.#isPressed = this.#ring.fill(this.#committed) > PRESSED;
    this.#frame = this.#openFrame(raw.firstSequence + raw.eventCount, raw.timeLastNs);
  }

  /**
   * Places the parts of a state behind the open frame, or in a file where they have no room there.
   * What goes wrong is told when the frame is sealed, so that its events are not in question.
   */
  keepState(sequence: number, parts: readonly StatePart[]): void {
    if (this.#failure !== undefined) return;
    const bytes = this.#snapshots.measure(parts);
    const start = { kind: FRAME_KIND.SNAPSHOT, firstSequence: sequence, timeFirstNs: 0 };
    try {
      const size = this.#roomFor(bytes);
      if (size === undefined) {
        this.#snapshots.forget();
        return;
      }
      this.#ring.placeBehind(start, size, this.#committed, (room, ordinal) => {
        this.#snapshots.write(room);
        if (size.inFile) this.#writeFile(ordinal, room);
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
      const fits = bytes <= FRAME_BYTES && this.#ring.fits(inside, committed);
      if (fits) return { bytes, inFile: false };
      const canWait = bytes <= FRAME_BYTES && committed < this.#ring.open;
      if (!canWait) break;
      this.#await();
    }
    const fits = this.#ring.fits(FRAME_HEADER_BYTES, this.#committed);
    return fits ? { bytes, inFile: true } : undefined;
  }

  /** Puts the segment's bytes where they survive and says so, in this order. */
  #seal(raw: RawSegment): void {
    const { codec, timeLastNs } = raw;
    const { words, bytes: memory } = this.#memory;
    const at = this.#ring.headerWord;
    let { bytes, eventCount } = raw;
    if (bytes.buffer !== memory.buffer) {
      // The last event was so large that the segment has outgrown its frame.
      try {
        this.#writeFile(this.#ring.open, bytes);
        this.#ring.moveOut();
      } catch (error) {
        this.#failure = error as ReelError;
        bytes = this.#frame.bytes.subarray(0, words[at + FRAME_WORD.LENGTH]);
        eventCount--;
        if (eventCount === 0) return;
      }
    }
    words[at + FRAME_WORD.CODEC] = codec;
    words[at + FRAME_WORD.LENGTH] = bytes.length;
    const crc32 = Bun.hash.crc32(bytes);
    this.#ring.sealFrame(bytes.length, { codec, eventCount, timeLastNs, crc32 });
  }

  /** Writes what does not fit into the ring to a file of its own. */
  #writeFile(ordinal: number, bytes: Uint8Array): void {
    const { path } = this.#writer;
    const file = outsizePath(path, ordinal);
    try {
      writeFileSync(file, bytes, { flush: this.#options.durable });
    } catch (error) {
      rmSync(file, { force: true });
      throw storeError(`record to ${path}`, error);
    }
  }

  #archive(): void {
    if (this.#archiver !== undefined) {
      this.#takeAll(this.#archiver);
      return;
    }
    const thread = this.#start();
    thread.tell(this.#ring.sealed);
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
    this.#archiver ??= new Archiver(path, this.#memory, inserter, this.#committed);
    return this.#archiver;
  }

  #takeAll(archiver: Archiver): void {
    while (archiver.committed < this.#ring.sealed) archiver.take(false);
    this.#committed = archiver.committed;
  }

  #openFrame(firstSequence: number, timeFirstNs: number): OpenFrame {
    const ring = this.#ring;
    ring.openFrame({ kind: FRAME_KIND.EVENTS, firstSequence, timeFirstNs }, this.#committed);
    return { bytes: ring.room, words: this.#memory.words, headerWord: ring.headerWord };
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
      return { eventCount: writer.eventCount, digest: writer.digest, failure: undefined };
    } catch (error) {
      writer.abandon();
      return { ...this.#endInTail(), failure: storeError(`record to ${writer.path}`, error) };
    }
  }

  #closeThread(): void {
    const thread = this.#thread;
    if (thread === undefined) return;
    thread.tell(this.#ring.sealed);
    thread.close();
    this.#committed = thread.committed;
    this.#thread = undefined;
  }

  /** How far the session goes, counting what is in sealed frames alone. */
  #endInTail(): { eventCount: number; digest: string } {
    const writer = this.#writer;
    const chain = new SegmentChain(Uint8Array.fromHex(writer.digest));
    let { eventCount } = writer;
    for (let ordinal = this.#committed; ordinal < this.#ring.sealed; ordinal++) {
      const segment = readSegment(this.#memory, writer.path, ordinal);
      if (segment === undefined || segment.firstSequence !== eventCount) continue;
      chain.seal(segment);
      eventCount += segment.eventCount;
    }
    return { eventCount, digest: chain.digest };
  }
}
