/**
 * What images held when a recorded run opened them. A file may have been written by that run since:
 * then what the run overwrote, which the recording keeps, is put back in memory.
 */
import { checkRange, type ImageFile } from "../backend/images.ts";
import type { EventCursor } from "./cursor.ts";
import { EVENT, HOST_CALL } from "./event.ts";
import { digestImage } from "./tap-images.ts";

/** Granularity of what is kept in memory. */
const PAGE_BYTES = 4096;

/** What the recording says of an image that was opened. */
export interface FoundImage {
  readonly sizeBytes?: number | undefined;
  /** The number of the session's first image of the same file. */
  readonly first?: number | undefined;
  readonly digest: Uint8Array;
}

/** What is kept in memory of a file, by where it begins. */
export type Pages = Map<number, Uint8Array>;

/** An image with pages in memory over some of the file's. */
export class OverlaidImage implements ImageFile {
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly #under: ImageFile;
  readonly #pages: Pages;

  constructor(under: ImageFile, readOnly: boolean, pages: Pages) {
    this.#under = under;
    this.#pages = pages;
    this.sizeBytes = under.sizeBytes;
    this.readOnly = readOnly;
  }

  read(offset: number, target: Uint8Array): void {
    this.#under.read(offset, target);
    if (this.#pages.size === 0) return;
    for (let at = 0; at < target.length;) {
      const place = offset + at;
      const inPage = place % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - inPage, target.length - at);
      const page = this.#pages.get(place - inPage);
      if (page !== undefined) target.set(page.subarray(inPage, inPage + count), at);
      at += count;
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    checkRange(this, offset, bytes.length);
    for (let at = 0; at < bytes.length;) {
      const place = offset + at;
      const inPage = place % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - inPage, bytes.length - at);
      this.#page(place - inPage).set(bytes.subarray(at, at + count), inPage);
      at += count;
    }
  }

  /** Writes what is in memory through to the file. */
  writeThrough(): void {
    for (const [start, page] of this.#pages) this.#under.write(start, page);
    this.#pages.clear();
    this.#under.flush();
  }

  flush(): void {}

  close(): void {
    this.#under.close();
  }

  #page(start: number): Uint8Array {
    let page = this.#pages.get(start);
    if (page === undefined) {
      page = new Uint8Array(Math.min(PAGE_BYTES, this.sizeBytes - start));
      this.#under.read(start, page);
      this.#pages.set(start, page);
    }
    return page;
  }
}

export class ImageHistory {
  readonly #cursor: () => EventCursor;
  /** By the first image of each file: what later openings of it share. */
  readonly #pages = new Map<number, Pages>();

  /** @param cursor gives one before the recording's first event */
  constructor(cursor: () => EventCursor) {
    this.#cursor = cursor;
  }

  /**
   * The image with the contents that the recorded run found.
   * @param found what the file holds now: what the run found, or what it left behind
   * @param number which image of the session it is, from 0
   * @returns undefined when those contents cannot be had
   */
  asItWas(
    found: ImageFile,
    readOnly: boolean,
    number: number,
    wanted: FoundImage,
  ): OverlaidImage | undefined {
    if (found.sizeBytes !== wanted.sizeBytes) return undefined;
    const { digest, first } = wanted;
    const shared = this.#pages.get(first!);
    const pages: Pages = shared ?? new Map();
    this.#pages.set(first!, pages);
    const image = new OverlaidImage(found, readOnly, pages);
    if (Buffer.compare(digestImage(image), digest) === 0) return image;
    if (shared !== undefined) return undefined;
    for (const { offset, before } of this.#overwritten(number, first!).toReversed()) {
      if (offset + before.length > found.sizeBytes) return undefined;
      image.write(offset, before);
    }
    return Buffer.compare(digestImage(image), digest) === 0 ? image : undefined;
  }

  /** What the recorded run overwrote of a file after it had opened it as this image. */
  #overwritten(number: number, first: number): { offset: number; before: Uint8Array }[] {
    const list: { offset: number; before: Uint8Array }[] = [];
    const same = new Set<number>();
    const cursor = this.#cursor();
    let opened = 0;
    for (let record = cursor.peek(); record !== undefined; record = cursor.peek()) {
      if (record.kind === EVENT.HOST && record.code === HOST_CALL.OPEN_IMAGE) {
        if (record.results[0] === 0) {
          if (record.results[2] === first) same.add(opened);
          opened++;
        }
      } else if (record.kind === EVENT.HOST && record.code === HOST_CALL.WRITE_IMAGE) {
        const [image, offset] = record.args;
        if (opened > number && same.has(image!) && record.bytes !== undefined) {
          list.push({ offset: offset!, before: record.bytes.slice() });
        }
      }
      cursor.advance();
    }
    return list;
  }
}
