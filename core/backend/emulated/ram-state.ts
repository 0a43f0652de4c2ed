/** The machine's memory as bytes: allocations, and the pages that are not all zero. */
import { PAGE_BYTES, type RamState } from "./ram.ts";
import type { StateReader, StateWriter } from "./state-bytes.ts";

const ALLOCATION_RECORD_BYTES = 8;
const CONTENT_RECORD_BYTES = 4 + PAGE_BYTES;

export function encodeRam(writer: StateWriter, sizeBytes: number, state: RamState): void {
  writer.f64(sizeBytes);
  writer.f64(state.dmaErrors);
  writer.u32(state.allocations.length);
  for (const { page, pages } of state.allocations) {
    writer.u32(page);
    writer.u32(pages);
  }
  writer.u32(state.contents.length);
  for (const { page, bytes } of state.contents) {
    writer.u32(page);
    writer.raw(bytes);
  }
}

/**
 * Reads and checks what {@link encodeRam} wrote. The pages' bytes are views of the snapshot.
 * @param sizeBytes the memory of the machine that is to take the state
 * @throws {ReelError} ERR_STATE_CORRUPT
 */
export function decodeRam(reader: StateReader, sizeBytes: number): RamState {
  const found = reader.f64("the size of memory");
  if (found !== sizeBytes) reader.refuse("the size of memory", found, `${sizeBytes}`);
  const pageCount = sizeBytes / PAGE_BYTES;
  const state: RamState = {
    dmaErrors: reader.whole("the count of DMA errors", 0, Number.MAX_SAFE_INTEGER),
    allocations: [],
    contents: [],
  };
  const allocations = reader.count("the count of allocations", ALLOCATION_RECORD_BYTES);
  // Page 0 is nobody's, and rising addresses rule out every overlap.
  let free = 1;
  for (let i = 0; i < allocations; i++) {
    const page = reader.u32("an allocation's page", pageCount - 1);
    const pages = reader.u32("an allocation's length", pageCount - page);
    if (page < free || pages < 1) {
      reader.refuse("an allocation", `${pages} pages at page ${page}`, `at page ${free} or above`);
    }
    state.allocations.push({ page, pages });
    free = page + pages;
  }
  const contents = reader.count("the count of pages", CONTENT_RECORD_BYTES);
  let next = 0;
  for (let i = 0; i < contents; i++) {
    const page = reader.u32("a page's number", pageCount - 1);
    if (page < next) reader.refuse("a page's number", page, `${next} or above`);
    next = page + 1;
    state.contents.push({ page, bytes: reader.raw(PAGE_BYTES, "a page") });
  }
  return state;
}
