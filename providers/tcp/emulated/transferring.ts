/**
 * Reading and writing on the emulated network. Writes of one connection take turns in the order in
 * which they were started, so that their bytes do not mix; a write is over when the transport has
 * taken all of it, as the kernel's are.
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u32,
  u53,
  type LayerContext,
  type Lock,
} from "../../../core/provider/index.ts";
import { WRITE_MORE } from "../options.ts";
import {
  AT_END,
  end,
  readAddress,
  readable,
  reportFailure,
  send,
  straightBytes,
  take,
  writable,
} from "../transport/calls.ts";
import { command } from "./commanding.ts";
import {
  ROLE_CONNECTION,
  ROLE_NETWORK,
  timedOut,
  type SocketView,
  type Sockets,
} from "./sockets.ts";

/** Why an operation is none for this role, or 0. */
function wrongRole(socket: SocketView): number {
  if (socket.role === ROLE_CONNECTION) return 0;
  return socket.role === ROLE_NETWORK ? -ERRNO.EOPNOTSUPP : -ERRNO.ENOTCONN;
}

export function reading(sockets: Sockets) {
  const { transport } = sockets;
  const { u8 } = transport.memory;
  /** For bytes that lie around the end of a ring. */
  let joined = new Uint8Array(0);

  function bring(run: LayerContext, connection: number, count: number): void {
    const address = readAddress(transport, connection);
    const straight = straightBytes(transport, connection);
    if (count <= straight) {
      run.bring(u8, address, count);
      return;
    }
    if (joined.length < count) joined = new Uint8Array(new ArrayBuffer(count));
    joined.set(u8.subarray(address, address + straight));
    // The ring begins where its last byte is followed by the first.
    const begin = readAddress(transport, connection, straight);
    joined.set(u8.subarray(begin, begin + count - straight), straight);
    run.bring(joined, 0, count);
  }

  return layer({
    name: "tcp.read",
    frame: struct({ deadlineNs: u53 }),
    wait(frame, run) {
      const socket = sockets.at(run.resource);
      const refused = wrongRole(socket);
      if (refused !== 0) return run.ready(refused);
      if (run.length === 0 || readable(transport, socket.connection) !== 0) return run.ready();
      if (frame.deadlineNs === 0) {
        const timeoutNs = run.argument > 0 ? run.argument : socket.readTimeoutNs;
        if (timeoutNs > 0) frame.deadlineNs = run.now() + timeoutNs;
      }
      return sockets.await(run, socket, frame.deadlineNs);
    },
    complete(_frame, run, result) {
      if (result < 0) return run.fail(timedOut(result));
      if (run.length === 0) return run.done(0);
      const { connection } = sockets.at(run.resource);
      const count = readable(transport, connection);
      if (count === 0) return run.again();
      if (count === AT_END) return run.done(0);
      if (count < 0) {
        reportFailure(transport, connection);
        return run.fail(-count);
      }
      const taken = Math.min(count, run.length);
      bring(run, connection, taken);
      take(transport, connection, taken);
      return run.done(0);
    },
  });
}

export function writing(sockets: Sockets) {
  const { transport } = sockets;
  return layer({
    name: "tcp.write",
    frame: struct({ turn: bool, sentBytes: u32, deadlineNs: u53 }),
    wait(frame, run) {
      const socket = sockets.at(run.resource);
      if (socket.role === ROLE_NETWORK) return run.ready();
      const refused = wrongRole(socket);
      if (refused !== 0) return run.ready(refused);
      if (frame.deadlineNs === 0 && socket.writeTimeoutNs > 0) {
        frame.deadlineNs = run.now() + socket.writeTimeoutNs;
      }
      if (!frame.turn) {
        const wait = run.lock(socket.turn as Lock);
        return frame.deadlineNs > 0 ? run.within(frame.deadlineNs - run.now(), wait) : wait;
      }
      if (run.length === 0 || writable(transport, socket.connection) !== 0) return run.ready();
      socket.wantsRoom = true;
      return sockets.await(run, socket, frame.deadlineNs);
    },
    complete(frame, run, result) {
      if (result < 0) return run.fail(timedOut(result));
      const { connection, role } = sockets.at(run.resource);
      if (role === ROLE_NETWORK) return command(sockets, run);
      frame.turn = true;
      const room = writable(transport, connection);
      if (run.length === 0) return room === -ERRNO.EPIPE ? run.fail(-room) : run.done(0);
      if (room < 0) return run.fail(-room);
      if (room === 0) return run.again();
      const { memory, memoryAt } = run;
      const { sentBytes } = frame;
      const count = Math.min(room, run.length - sentBytes);
      const more = run.argument === WRITE_MORE;
      const sent = send(transport, connection, memory, memoryAt + sentBytes, count, more);
      if (sent < 0) return run.fail(-sent);
      frame.sentBytes = sentBytes + sent;
      run.progress(sent);
      return sentBytes + sent === run.length ? run.done(0) : run.again();
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
      return refused === 0 ? run.lock(socket.turn as Lock) : run.ready(refused);
    },
    complete(_frame, run, result) {
      if (result < 0) return run.fail(-result);
      end(sockets.transport, sockets.at(run.resource).connection);
      return run.done(0);
    },
  });
}
