/**
 * The pipe as a ring of bytes in the machine's memory, with a queue of waiting layers on each side.
 * Moving bytes takes no virtual time.
 *
 * Decisions ([POSIX], and what the kernel does): what is in the pipe is read before end of file is
 * seen; a closed pipe reads 0; writing without a reader is EPIPE; a write of at most
 * ATOMIC_BYTES_MAX goes in whole or waits; an empty transfer is over at once.
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u32,
  type Driver,
  type DriverContext,
  type LayerContext,
  type WaitQueue,
} from "../../core/provider/index.ts";
import { roundedCapacity } from "./pages.ts";

const ATOMIC_BYTES_MAX = 4096;

const pipeState = struct({
  capacityBytes: u32,
  /** Address of the ring in the machine's memory. */
  ring: u32,
  /** Where the next byte is read, from the ring's start. */
  head: u32,
  usedBytes: u32,
  readerOpen: bool,
  writerOpen: bool,
  /** Queues of those who wait for bytes, and for room. */
  readable: u32,
  writable: u32,
});

const READER_END = 0;

export function emulatedPipe(cx: DriverContext): Driver<{ capacityBytes: number }> {
  const pipes = cx.records("pipe", pipeState);
  const { ram } = cx.machine;
  type PipeView = ReturnType<typeof pipes.at>;

  /** Moves bytes between an operation's memory and the ring, around the ring's end. */
  function transfer(pipe: PipeView, run: LayerContext, skip: number, count: number, put: boolean) {
    const { memory } = run;
    const from = run.memoryAt + skip;
    const start = (pipe.head + (put ? pipe.usedBytes : 0)) % pipe.capacityBytes;
    const first = Math.min(count, pipe.capacityBytes - start);
    const parts = [
      [start, from, first],
      [0, from + first, count - first],
    ] as const;
    for (const [at, position, length] of parts) {
      if (length === 0) continue;
      const bytes = memory.subarray(position, position + length);
      if (put) ram.write(pipe.ring + at, bytes);
      else ram.readInto(pipe.ring + at, bytes);
    }
    if (!put) pipe.head = (pipe.head + count) % pipe.capacityBytes;
    pipe.usedBytes = pipe.usedBytes + (put ? count : -count);
  }

  const read = layer({
    name: "pipe.read",
    frame: struct({}),
    wait(_frame, run) {
      const pipe = pipes.at(run.resource);
      if (run.length === 0 || pipe.usedBytes > 0 || !pipe.writerOpen) return run.ready();
      return run.queue(pipe.readable as WaitQueue);
    },
    complete(_frame, run) {
      const pipe = pipes.at(run.resource);
      if (run.length === 0) return run.done(0);
      if (pipe.usedBytes === 0) return pipe.writerOpen ? run.again() : run.done(0);
      const count = Math.min(run.length, pipe.usedBytes);
      transfer(pipe, run, 0, count, false);
      run.wake(pipe.writable as WaitQueue);
      return run.done(count);
    },
  });

  /** Bytes of a write that fit now: all or nothing for a short one. */
  function fits(pipe: PipeView, length: number, left: number): number {
    const room = pipe.capacityBytes - pipe.usedBytes;
    if (length <= ATOMIC_BYTES_MAX) return room >= left ? left : 0;
    return Math.min(room, left);
  }

  const write = layer({
    name: "pipe.write",
    frame: struct({ sentBytes: u32 }),
    wait(frame, run) {
      const pipe = pipes.at(run.resource);
      const left = run.length - frame.sentBytes;
      if (left === 0 || !pipe.readerOpen || fits(pipe, run.length, left) > 0) return run.ready();
      return run.queue(pipe.writable as WaitQueue);
    },
    complete(frame, run) {
      const pipe = pipes.at(run.resource);
      const left = run.length - frame.sentBytes;
      if (left === 0) return run.done(0);
      if (!pipe.readerOpen) return run.fail(ERRNO.EPIPE);
      const count = fits(pipe, run.length, left);
      if (count === 0) return run.again();
      transfer(pipe, run, frame.sentBytes, count, true);
      frame.sentBytes += count;
      run.progress(count);
      run.wake(pipe.readable as WaitQueue);
      return count === left ? run.done(0) : run.again();
    },
  });

  return {
    operations: { read, write },
    open(resource, options) {
      const capacityBytes = roundedCapacity(options.capacityBytes);
      const ring = ram.allocate(capacityBytes);
      const pipe = pipes.at(resource);
      pipe.capacityBytes = capacityBytes;
      pipe.ring = ring;
      pipe.readerOpen = true;
      pipe.writerOpen = true;
      pipe.readable = cx.queue();
      pipe.writable = cx.queue();
    },
    closeEnd(resource, end) {
      const pipe = pipes.at(resource);
      if (end === READER_END) pipe.readerOpen = false;
      else pipe.writerOpen = false;
      // Both sides look again: a reader may have met the end of file, a writer EPIPE.
      cx.wake(pipe.readable as WaitQueue);
      cx.wake(pipe.writable as WaitQueue);
    },
    release(resource) {
      const pipe = pipes.at(resource);
      ram.free(pipe.ring);
      cx.dispose(pipe.readable as WaitQueue);
      cx.dispose(pipe.writable as WaitQueue);
    },
  };
}
