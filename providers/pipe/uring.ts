/**
 * The pipe as the kernel's own, through io_uring. A transfer that the kernel does in part is
 * gone on with. Beside the records, a snapshot keeps what the pipe holds at that moment.
 */
import {
  ERRNO,
  bool,
  i32,
  layer,
  struct,
  u32,
  type Driver,
  type DriverContext,
} from "../../core/provider/index.ts";
import { roundedCapacity } from "./pages.ts";

/** Pipes have no positions; io_uring wants -1 for that. */
const NO_OFFSET = -1;
const READER_END = 0;

const pipeState = struct({
  readerFile: i32,
  writerFile: i32,
  capacityBytes: u32,
  readerOpen: bool,
  writerOpen: bool,
});

export function uringPipe(cx: DriverContext): Driver<{ capacityBytes: number }> {
  const pipes = cx.records("pipe", pipeState);

  const read = layer({
    name: "pipe.read",
    frame: struct({}),
    wait(_frame, run) {
      if (run.length === 0) return run.ready();
      return run.ring.read(pipes.at(run.resource).readerFile, NO_OFFSET);
    },
    complete: (_frame, run, result) => (result < 0 ? run.fail(-result) : run.done(result)),
  });

  const write = layer({
    name: "pipe.write",
    frame: struct({ sentBytes: u32 }),
    wait(frame, run) {
      if (run.length === 0) return run.ready();
      return run.ring.write(pipes.at(run.resource).writerFile, NO_OFFSET, frame.sentBytes);
    },
    complete(frame, run, result) {
      if (run.length === 0) return run.done(0);
      if (result < 0) return run.fail(-result);
      if (result === 0) return run.fail(ERRNO.EIO);
      frame.sentBytes += result;
      run.progress(result);
      return frame.sentBytes === run.length ? run.done(0) : run.again();
    },
  });

  return {
    operations: { read, write },
    open(resource, options) {
      const capacityBytes = roundedCapacity(options.capacityBytes);
      const [reader, writer] = cx.host.pipe(capacityBytes);
      const pipe = pipes.at(resource);
      pipe.readerFile = reader;
      pipe.writerFile = writer;
      pipe.capacityBytes = capacityBytes;
      pipe.readerOpen = true;
      pipe.writerOpen = true;
    },
    closeEnd(resource, end) {
      const pipe = pipes.at(resource);
      if (end === READER_END) {
        pipe.readerOpen = false;
        cx.host.close(pipe.readerFile);
      } else {
        pipe.writerOpen = false;
        cx.host.close(pipe.writerFile);
      }
    },
    release() {},
    snapshot(resource) {
      const pipe = pipes.at(resource);
      return pipe.readerOpen ? cx.host.peekPipe(pipe.readerFile) : new Uint8Array(0);
    },
    restore(resource, held) {
      const pipe = pipes.at(resource);
      const [reader, writer] = cx.host.pipe(pipe.capacityBytes);
      if (held.length > 0) cx.host.write(writer, held);
      pipe.readerFile = reader;
      pipe.writerFile = writer;
      if (!pipe.readerOpen) cx.host.close(reader);
      if (!pipe.writerOpen) cx.host.close(writer);
    },
  };
}
