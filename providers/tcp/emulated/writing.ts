/**
 * `write` and `end` on the emulated network. They take turns in the order in which they were
 * started, so that bytes do not mix; a write is over when the transport has taken all of it, as the
 * kernel's are.
 */
import {
  ERRNO,
  REEL_ERROR_NUMBERS,
  bool,
  layer,
  struct,
  u32,
  u53,
  type LayerContext,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { leaveLine, timedOut } from "../waiting.ts";
import { WAITING_BYTES_MAX, WRITE_MORE } from "../options.ts";
import { end, send, writable } from "../transport/calls.ts";
import { command } from "./commanding.ts";
import { ROLE_NETWORK, wrongRole, type SocketView, type Sockets } from "./sockets.ts";

/** Hands the turn to the next in line. */
function passTurn(socket: SocketView, run: LayerContext): void {
  if (!run.wakeOne(socket.turns as WaitQueue)) socket.sending = false;
}

export function writing(sockets: Sockets) {
  const { transport } = sockets;

  /**
   * Hands over as much as there is room for.
   * @returns bytes that are still to be sent, or an error number below zero
   */
  function sendOn(frame: { sentBytes: number }, run: LayerContext, connection: number): number {
    const room = writable(transport, connection);
    const left = run.length - frame.sentBytes;
    if (room < 0 && (left > 0 || room === -ERRNO.EPIPE)) return room;
    if (room <= 0 || left === 0) return left;
    const more = run.argument === WRITE_MORE;
    const from = run.memoryAt + frame.sentBytes;
    const sent = send(transport, connection, run.memory, from, Math.min(room, left), more);
    if (sent < 0) return sent;
    frame.sentBytes += sent;
    run.progress(sent);
    return left - sent;
  }

  return layer({
    name: "tcp.write",
    frame: struct({ turn: bool, waits: bool, sentBytes: u32, deadlineNs: u53 }),
    wait(frame, run) {
      const socket = sockets.at(run.resource);
      if (socket.role === ROLE_NETWORK) return run.ready();
      const refused = wrongRole(socket);
      if (refused !== 0) return run.ready(refused);
      if (frame.deadlineNs === 0 && socket.writeTimeoutNs > 0) {
        frame.deadlineNs = run.now() + socket.writeTimeoutNs;
      }
      if (!frame.turn) {
        if (!socket.sending) return run.ready();
        if (socket.waitingBytes + run.length > WAITING_BYTES_MAX) {
          return run.ready(-REEL_ERROR_NUMBERS.ERR_LIMIT);
        }
        frame.waits = true;
        socket.waitingBytes += run.length;
        return sockets.await(run, socket.turns, frame.deadlineNs);
      }
      if (run.length === 0 || writable(transport, socket.connection) !== 0) return run.ready();
      socket.wantsRoom = true;
      return sockets.await(run, socket.events, frame.deadlineNs);
    },
    complete(frame, run, result) {
      const socket = sockets.at(run.resource);
      const { connection } = socket;
      if (socket.role === ROLE_NETWORK) return command(sockets, run);
      leaveLine(frame, socket, run);
      if (!frame.turn && result === 0) {
        frame.turn = true;
        socket.sending = true;
      }
      const left = result < 0 ? result : sendOn(frame, run, connection);
      if (left > 0) return run.again();
      if (frame.turn) passTurn(sockets.at(run.resource), run);
      frame.turn = false;
      return left === 0 ? run.done(0) : run.fail(timedOut(left));
    },
    cancel(frame, run) {
      const socket = sockets.at(run.resource);
      leaveLine(frame, socket, run);
      if (frame.turn) passTurn(socket, run);
    },
  });
}

/** `end`: no more will be sent, after what is being written. */
export function ending(sockets: Sockets) {
  return layer({
    name: "tcp.end",
    frame: struct({}),
    wait(_frame, run) {
      const socket = sockets.at(run.resource);
      const refused = wrongRole(socket);
      if (refused !== 0 || !socket.sending) return run.ready(refused);
      return run.queue(socket.turns as WaitQueue);
    },
    complete(_frame, run, result) {
      if (result < 0) return run.fail(-result);
      end(sockets.transport, sockets.at(run.resource).connection);
      passTurn(sockets.at(run.resource), run);
      return run.done(0);
    },
  });
}
