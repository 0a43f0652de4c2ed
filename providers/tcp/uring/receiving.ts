/**
 * Receiving: the service of a connection keeps one multishot receive armed, which brings bytes in
 * buffers of the driver's group; reads take them from the connection's inbox. What is not read
 * stays: a full inbox ends the armed receive, so the peer's window closes, and a read that makes
 * room arms it again.
 */
import {
  COMPLETE_BUFFER,
  ERRNO,
  HOW,
  OPCODE,
  bool,
  fromGroup,
  layer,
  struct,
  type LayerContext,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { timedOut } from "../waiting.ts";
import { KIND_CONNECTION, type SocketView, type Sockets } from "./sockets.ts";

const BUFFER_SHIFT = 16;

/** Whether a connection holds as much as it may, so that receiving rests. */
function isFull(record: SocketView): boolean {
  return record.heldBytes >= record.inboxBytes;
}

/** The service of a connection. */
export function receiver(sockets: Sockets) {
  const { inboxes, records } = sockets;

  /** Puts what a completion brought into the inbox, and tells one who waits for it. */
  function arrived(record: SocketView, run: LayerContext, result: number): void {
    inboxes.append(record, run.flags >>> BUFFER_SHIFT, result);
    run.wakeOne(record.readable as WaitQueue);
  }

  function over(record: SocketView, run: LayerContext, result: number) {
    if (result === 0) record.ended = true;
    else record.failure = result;
    run.wake(record.readable as WaitQueue);
    return run.done(0);
  }

  return layer({
    name: "tcp.receive",
    frame: struct({ armed: bool, resting: bool }),
    wait(frame, run) {
      const record = records.at(run.resource);
      if (isFull(record)) return run.queue(record.resume as WaitQueue);
      frame.armed = true;
      const how = HOW.RECV_MULTISHOT | fromGroup(inboxes.group.group);
      return run.ring.request(OPCODE.RECV, record.file - 1, 0, 0, 0, 0, how);
    },
    complete(frame, run, result) {
      if (!frame.armed) return run.again();
      const record = records.at(run.resource);
      const { more } = run;
      if (!more) {
        frame.armed = false;
        frame.resting = false;
      }
      if (result > 0) {
        arrived(record, run, result);
        if (more && !frame.resting && isFull(record)) {
          frame.resting = true;
          run.disarm();
        }
        return run.again();
      }
      // No buffer was left in the kernel: those that it gave out are in completions on their way,
      // and go back as they are taken in. Or the receive was ended by us. Both go on.
      if (result === -ERRNO.ENOBUFS || result === -ERRNO.ECANCELED) return run.again();
      return over(record, run, result);
    },
    late(_frame, run, result) {
      if (result > 0 && (run.flags & COMPLETE_BUFFER) !== 0) {
        inboxes.drop(run.flags >>> BUFFER_SHIFT);
      }
    },
  });
}

/** `read`: takes what is there, or waits for it. */
export function reading(sockets: Sockets) {
  const { inboxes, records } = sockets;
  return layer({
    name: "tcp.read",
    frame: struct({}),
    wait(_frame, run) {
      const record = records.at(run.resource);
      if (record.kind !== KIND_CONNECTION) return run.ready(-ERRNO.ENOTCONN);
      const settled = record.ended || record.failure !== 0 || run.length === 0;
      if (settled || record.first !== 0) return run.ready();
      const wait = run.queue(record.readable as WaitQueue);
      const timeoutNs = run.argument > 0 ? run.argument : record.readTimeoutNs;
      return timeoutNs > 0 ? run.within(timeoutNs, wait) : wait;
    },
    complete(_frame, run, result) {
      if (result < 0) return run.fail(timedOut(result));
      if (run.length === 0) return run.done(0);
      const record = records.at(run.resource);
      if (record.first === 0) {
        if (record.failure !== 0) return run.fail(-record.failure);
        return record.ended ? run.done(0) : run.again();
      }
      const wasFull = isFull(record);
      inboxes.take(record, run, run.length, run.memory.length > 0);
      if (wasFull && !isFull(record)) run.wake(record.resume as WaitQueue);
      // What is left is the next reader's.
      if (record.first !== 0) run.wakeOne(record.readable as WaitQueue);
      return run.done(0);
    },
  });
}
