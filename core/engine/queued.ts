/**
 * Operations with queued buffers. A layer of the core's own is the operation's bottom frame: it
 * takes a buffer, runs the provider's read layer on it, hands the filled buffer to the program and
 * takes the next one, until the operation is cancelled, fails, or comes to the end of the stream.
 * So every provider that can read has it, whatever its reading looks like.
 */
import { BufferQueue, type QueueHome } from "../buffer/queue.ts";
import {
  BUFFER,
  BUFFER_AT,
  COUNT_QUEUE_STALLS,
  DOUBLE_SHIFT,
  FLAG_READ,
  HEADER_SHIFT,
  IN_FLIGHT,
  LAYER,
  LENGTH,
  LIST_KIND_QUEUE,
  OFFSET_F64,
  OPERATION,
  PAGE_BYTES,
  PROVIDER,
  RESULT,
  STATE,
  TOP,
  WAIT,
  WAIT_READY,
} from "../descriptor/layout.ts";
import { FIRST_FRAME } from "../descriptor/stack.ts";
import { ReelError } from "../errors.ts";
import { layer, type Layer, type Wait, type WaitQueue } from "../provider/layer.ts";
import { u32, u53 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import type { StartRequest } from "./launch.ts";
import { OPERATION_SHIFT, type EngineState } from "./state.ts";
import { makeReady } from "./wake.ts";

const round = struct({
  /** Number of the buffer queue plus one; 0 before the first wait. */
  queue: u32,
  /** The buffer of the round that is under way, or 0. */
  buffer: u32,
  /** Bytes that the operation had moved when the round began. */
  before: u53,
});
type Round = ReturnType<typeof round.view>;

function queueOf(e: EngineState, frame: Round): BufferQueue {
  return e.bufferQueues[frame.queue - 1]!;
}

/** Notes that the operation takes no more buffers from its queue. */
function leave(e: EngineState, frame: Round): void {
  queueOf(e, frame).addUser(-1);
  frame.queue = 0;
}

/** Gives the operation its next buffer. */
function beginRound(e: EngineState, frame: Round, moved: number, buffer: number): void {
  const header = e.context.slot << HEADER_SHIFT;
  frame.buffer = buffer;
  frame.before = moved;
  e.i32[header + BUFFER] = buffer;
  e.i32[header + BUFFER_AT] = 0;
  e.i32[header + LENGTH] = e.pool.get(buffer).sizeBytes;
}

/**
 * Ends a round: what it brought goes to the program, an unused buffer back to the queue.
 * @returns the bytes that it brought
 * @throws {RangeError} when the provider says that they were more than the buffer has
 */
function endRound(e: EngineState, frame: Round, moved: number): number {
  const { slot } = e.context;
  const brought = moved - frame.before;
  const buffer = e.pool.get(frame.buffer);
  const fits = Math.min(brought, buffer.block.bytes.length);
  let kept = true;
  if (brought > 0) {
    kept = buffer.settle(true, 0, fits);
    e.arrivals.push(e.table.handleOf(slot), buffer.id, kept ? fits : 0);
  } else {
    queueOf(e, frame).putBack(buffer.id);
  }
  frame.buffer = 0;
  e.i32[(slot << HEADER_SHIFT) + BUFFER] = 0;
  e.i32[(slot << HEADER_SHIFT) + LENGTH] = 0;
  if (!kept) throw new RangeError(`Buffer ${buffer.id} was taken away while it was queued`);
  if (brought > fits) {
    throw new RangeError(`A read says that it brought ${brought} bytes: the buffer has ${fits}`);
  }
  return brought;
}

/** Makes the layer for a session. */
export function queuedRead(e: EngineState): Layer {
  const definition = layer({
    name: "core.queued-read",
    frame: round,
    wait(frame, cx): Wait {
      if (frame.queue === 0) {
        frame.queue = e.startingQueue + 1;
        queueOf(e, frame).addUser(1);
      }
      const queue = queueOf(e, frame);
      const buffer = queue.take();
      if (buffer !== 0) return cx.ready(buffer);
      queue.stalled();
      e.count(COUNT_QUEUE_STALLS);
      return cx.queue(queue.waiters as WaitQueue);
    },
    complete(frame, cx, result) {
      const { slot } = e.context;
      const provider = e.i32[(slot << HEADER_SHIFT) + PROVIDER]!;
      const operation = e.i32[(slot << HEADER_SHIFT) + OPERATION]!;
      if (frame.buffer === 0) {
        beginRound(e, frame, cx.moved, result);
        return cx.call(e.operationLayers[(provider << OPERATION_SHIFT) | operation]!.layer);
      }
      if (result > 0) cx.progress(result);
      const brought = endRound(e, frame, cx.moved);
      if (e.providers[provider]!.positioned[operation] === 1) {
        const offset = (slot << DOUBLE_SHIFT) + OFFSET_F64;
        e.f64[offset] = e.f64[offset]! + brought;
      }
      if (result >= 0 && brought > 0) return cx.again();
      leave(e, frame);
      return result < 0 ? cx.fail(-result) : cx.done(0);
    },
    cancel(frame, cx) {
      if (frame.queue === 0) return;
      try {
        if (frame.buffer !== 0) endRound(e, frame, cx.moved);
      } finally {
        leave(e, frame);
      }
    },
  });
  return definition as unknown as Layer;
}

/**
 * Bytes that an operation had moved when its buffer was new: 0, except in the rounds of one with
 * queued buffers.
 */
export function broughtBefore(e: EngineState, slot: number): number {
  const { i32 } = e;
  const bottom = e.pagesAt + slot * PAGE_BYTES + FIRST_FRAME;
  // The bottom frame of an operation with queued buffers is the core's, and below the running one.
  if (i32[(slot << HEADER_SHIFT) + TOP] === bottom) return 0;
  if (i32[(bottom - 8) >> 2] !== e.queuedLayer) return 0;
  const { view } = e.layers[e.queuedLayer]!;
  (view as Round).$base = bottom;
  return (view as Round).before;
}

/** What a saved frame of the queued-read layer says. */
export function readRound(bytes: Uint8Array): { queue: number; buffer: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [queue, buffer] = round.fields;
  return {
    queue: view.getUint32(queue!.offset, true),
    buffer: view.getUint32(buffer!.offset, true),
  };
}

/** The buffer that an operation was handed and has not taken up yet, or 0. */
export function handedOver(e: EngineState, slot: number): number {
  const { i32 } = e;
  const header = slot << HEADER_SHIFT;
  const waits = i32[header + STATE] === IN_FLIGHT && i32[header + WAIT] === WAIT_READY;
  if (!waits || i32[header + TOP] === 0 || i32[header + LAYER] !== e.queuedLayer) return 0;
  const base = i32[header + TOP]!;
  const { queue, buffer } = readRound(e.table.slab.u8.subarray(base, base + round.sizeBytes));
  return queue !== 0 && buffer === 0 ? Math.max(0, i32[header + RESULT]!) : 0;
}

/** Makes a queue of buffers for operations of this session. */
export function makeBufferQueue(e: EngineState): BufferQueue {
  const free = e.bufferQueues.indexOf(undefined);
  const id = free === -1 ? e.bufferQueues.length : free;
  const queue = new BufferQueue(queueHome(e), e.pool, id, e.lists.create(LIST_KIND_QUEUE));
  e.bufferQueues[id] = queue;
  return queue;
}

/** Makes a queue of a snapshot again. Its wait list exists. */
export function makeQueueAgain(e: EngineState, id: number, waiters: number): BufferQueue {
  const queue = new BufferQueue(queueHome(e), e.pool, id, waiters);
  while (e.bufferQueues.length < id) e.bufferQueues.push(undefined);
  e.bufferQueues[id] = queue;
  return queue;
}

/** What every queue of a session asks of it. */
function queueHome(e: EngineState): QueueHome {
  return {
    handOver(queue, buffer) {
      const slot = e.lists.first(queue.waiters);
      if (slot === -1) return false;
      makeReady(e, slot, buffer);
      return true;
    },
    forget(queue) {
      e.lists.destroy(queue.waiters);
      e.bufferQueues[queue.id] = undefined;
    },
  };
}

/**
 * @throws {ReelError} ERR_UNSUPPORTED when the operation does not read; ERR_CLOSED when the queue
 *   was disposed of
 * @throws {RangeError} when there is a buffer, or the queue is another session's
 */
export function requireQueuedRead(e: EngineState, request: StartRequest, queue: BufferQueue): void {
  const { provider, bufferFlags } = e.providers[e.ends.provider(request.end)]!;
  if (bufferFlags[request.operation] !== FLAG_READ) {
    const name = provider.operationNames[request.operation] ?? String(request.operation);
    throw new ReelError(
      "ERR_UNSUPPORTED",
      `Cannot queue buffers for ${name} of ${provider.kind}: it does not read into a buffer`,
      { mend: "Queue buffers for an operation whose direction is read" },
    );
  }
  if (queue.isDisposed) {
    throw new ReelError("ERR_CLOSED", "Cannot read into queued buffers: the queue was disposed of");
  }
  if (request.buffer !== undefined || e.bufferQueues[queue.id] !== queue) {
    throw new RangeError("Cannot read into queued buffers: give a queue of this session alone");
  }
}
