/**
 * Sending: writes of one connection take turns in the order in which they were started, so that
 * their bytes do not mix. A write is over when the kernel has taken all of it; what the kernel
 * takes only in part is sent on.
 */
import {
  COMPLETE_NOTIFICATION,
  ERRNO,
  OPCODE,
  REEL_ERROR_NUMBERS,
  bool,
  i32,
  layer,
  struct,
  u32,
  type LayerContext,
  type Wait,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { leaveLine, timedOut } from "../waiting.ts";
import { WAITING_BYTES_MAX, WRITE_MORE } from "../options.ts";
import { KIND_CONNECTION, type SocketView, type Sockets } from "./sockets.ts";

/** Linux, include/linux/socket.h: no SIGPIPE, take all of it, more will follow. */
const MSG_NOSIGNAL = 0x4000;
const MSG_WAITALL = 0x100;
const MSG_MORE = 0x8000;
const SHUT_WRITE = 1;
/** The turn was handed over by the one who had it before. */
const TURN = 1;

/** Waits for the connection's turn, or takes it. @returns undefined once it has it */
function awaitTurn(record: SocketView, run: LayerContext): Wait | undefined {
  if (record.sending) return run.queue(record.writable as WaitQueue);
  record.sending = true;
  return undefined;
}

/** Hands the turn to the next in line. */
function passTurn(record: SocketView, run: LayerContext): void {
  if (!run.wakeOne(record.writable as WaitQueue, TURN)) record.sending = false;
}

/** Sends what is left of an operation's bytes. */
function send(record: SocketView, run: LayerContext, sentBytes: number): Wait {
  const left = run.length - sentBytes;
  const more = run.argument === WRITE_MORE ? MSG_MORE : 0;
  const { zeroCopyFromBytes: from } = record;
  const opcode = from > 0 && left >= from ? OPCODE.SEND_ZC : OPCODE.SEND;
  const flags = MSG_NOSIGNAL | MSG_WAITALL | more;
  return run.ring.request(opcode, record.file - 1, run.address + sentBytes, left, 0, flags);
}

export function writing(sockets: Sockets) {
  const { records } = sockets;

  return layer({
    name: "tcp.write",
    frame: struct({ sentBytes: u32, turn: bool, waits: bool, result: i32, pinned: bool }),
    wait(frame, run) {
      const record = records.at(run.resource);
      let wait: Wait | undefined;
      if (record.kind !== KIND_CONNECTION) return run.ready(-ERRNO.ENOTCONN);
      if (!frame.turn) {
        if (record.sending && record.waitingBytes + run.length > WAITING_BYTES_MAX) {
          return run.ready(-REEL_ERROR_NUMBERS.ERR_LIMIT);
        }
        wait = awaitTurn(record, run);
        if (wait === undefined) frame.turn = true;
        else {
          frame.waits = true;
          record.waitingBytes += run.length;
        }
      }
      if (wait === undefined) {
        if (record.shut) return run.ready(-ERRNO.EPIPE);
        if (run.length === 0) return run.ready(0);
        wait = send(record, run, frame.sentBytes);
      }
      return record.writeTimeoutNs > 0 ? run.within(record.writeTimeoutNs, wait) : wait;
    },
    complete(frame, run, result) {
      const record = records.at(run.resource);
      if (!frame.turn) {
        leaveLine(frame, record, run);
        if (result < 0) return run.fail(timedOut(result));
        frame.turn = true;
        return run.again();
      }
      let sent = result;
      if (run.more) {
        // A zero-copy send has taken its bytes; the memory is ours again at the notification.
        frame.pinned = true;
        frame.result = result;
        return run.again();
      }
      if (frame.pinned && (run.flags & COMPLETE_NOTIFICATION) !== 0) {
        sent = frame.result;
        frame.pinned = false;
      }
      if (sent > 0) {
        frame.sentBytes += sent;
        run.progress(sent);
        if (frame.sentBytes < run.length) return run.again();
      }
      frame.turn = false;
      passTurn(record, run);
      return sent < 0 ? run.fail(timedOut(sent)) : run.done(0);
    },
    cancel(frame, run) {
      const record = records.at(run.resource);
      leaveLine(frame, record, run);
      if (frame.turn) passTurn(record, run);
    },
  });
}

/** `end`: says, after what is being written, that no more will come. */
export function ending(sockets: Sockets) {
  const { records } = sockets;
  return layer({
    name: "tcp.end",
    frame: struct({ turn: bool }),
    wait(frame, run) {
      const record = records.at(run.resource);
      if (!frame.turn) {
        const wait = awaitTurn(record, run);
        if (wait !== undefined) return wait;
        frame.turn = true;
      }
      if (record.shut) return run.ready(0);
      return run.ring.request(OPCODE.SHUTDOWN, record.file - 1, 0, SHUT_WRITE, 0, 0);
    },
    complete(frame, run, result) {
      const record = records.at(run.resource);
      if (!frame.turn) {
        frame.turn = true;
        return run.again();
      }
      frame.turn = false;
      record.shut = true;
      passTurn(record, run);
      // Of a connection that is gone there is nothing left to end.
      if (result < 0 && result !== -ERRNO.ENOTCONN) return run.fail(-result);
      return run.done(0);
    },
    cancel(frame, run) {
      if (frame.turn) passTurn(records.at(run.resource), run);
    },
  });
}
