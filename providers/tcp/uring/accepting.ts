/**
 * Accepting: the service of a listener keeps one multishot accept armed. What comes becomes a
 * connection at once and waits in the listener's list; `accept` takes the oldest. Too many of them,
 * or no free descriptor, end the armed accept, and further clients wait in the kernel's backlog.
 */
import {
  ERRNO,
  HOW,
  OPCODE,
  bool,
  isReelError,
  layer,
  ms,
  struct,
  type LayerContext,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { KIND_CONNECTION, KIND_LISTENER, type SocketView, type Sockets } from "./sockets.ts";

/** Connections that may wait for `accept` before the listener leaves the rest to the kernel. */
const WAITING_MAX = 256;
/** Another process may have the descriptors that we want: look again after so long. */
const RETRY_NS = ms(100);

/** Failures that are one client's, or pass: accept(2) says to go on after them. */
const PASSING: ReadonlySet<number> = new Set([
  ERRNO.ECONNABORTED,
  ERRNO.EPROTO,
  ERRNO.ECANCELED,
  ERRNO.EINTR,
  ERRNO.EAGAIN,
  ERRNO.EPERM,
  ERRNO.EOPNOTSUPP,
  ERRNO.ENETDOWN,
  ERRNO.ENETUNREACH,
  ERRNO.EHOSTUNREACH,
  ERRNO.ENOPROTOOPT,
  ERRNO.EHOSTDOWN,
]);
const SHORTAGE: ReadonlySet<number> = new Set([
  ERRNO.EMFILE,
  ERRNO.ENFILE,
  ERRNO.ENOBUFS,
  ERRNO.ENOMEM,
]);

/** The service of a listener. */
export function acceptor(sockets: Sockets) {
  const { cx, records } = sockets;

  /** Makes a connection of a ring file. */
  function welcome(run: LayerContext, file: number): void {
    const connection = run.adopt();
    if (connection === -1) return cx.host.close(file);
    const { inboxBytes, readTimeoutNs, writeTimeoutNs, zeroCopyFromBytes } = records.at(
      run.resource,
    );
    const settings = { inboxBytes, readTimeoutNs, writeTimeoutNs, zeroCopyFromBytes };
    try {
      sockets.begin(connection, KIND_CONNECTION, file, settings);
    } catch (error) {
      cx.host.close(file);
      cx.abandon(connection);
      if (isReelError(error, "ERR_LIMIT")) return;
      throw error;
    }
    const listener = records.at(run.resource);
    const { last } = listener;
    listener.last = connection + 1;
    listener.waiting++;
    if (last === 0) listener.first = connection + 1;
    else records.at(last - 1).next = connection + 1;
    run.wakeOne(records.at(run.resource).readable as WaitQueue);
  }

  return layer({
    name: "tcp.acceptor",
    frame: struct({ armed: bool, resting: bool, short: bool }),
    wait(frame, run) {
      const listener = records.at(run.resource);
      if (listener.waiting >= WAITING_MAX) return run.queue(listener.resume as WaitQueue);
      if (frame.short) return run.within(RETRY_NS, run.queue(sockets.descriptors));
      frame.armed = true;
      return run.ring.request(OPCODE.ACCEPT, listener.file - 1, 0, 0, 0, 0, HOW.ACCEPT_MULTISHOT);
    },
    complete(frame, run, result) {
      if (!frame.armed) {
        frame.short = false;
        return run.again();
      }
      const { more } = run;
      if (!more) {
        frame.armed = false;
        frame.resting = false;
      }
      if (result >= 0) {
        welcome(run, result);
        if (more && !frame.resting && records.at(run.resource).waiting >= WAITING_MAX) {
          frame.resting = true;
          run.disarm();
        }
        return run.again();
      }
      if (SHORTAGE.has(-result)) frame.short = true;
      else if (!PASSING.has(-result)) {
        const listener = records.at(run.resource);
        listener.failure = result;
        run.wake(listener.readable as WaitQueue);
        return run.done(0);
      }
      return run.again();
    },
    late(_frame, _run, result) {
      cx.host.close(result);
    },
  });
}

/** `accept`: its result is the handle of a new connection. */
export function accepting(sockets: Sockets) {
  const { records } = sockets;
  return layer({
    name: "tcp.accept",
    frame: struct({}),
    wait(_frame, run) {
      const listener = records.at(run.resource);
      if (listener.kind !== KIND_LISTENER) return run.ready(-ERRNO.EINVAL);
      if (listener.first !== 0 || listener.failure !== 0) return run.ready();
      return run.queue(listener.readable as WaitQueue);
    },
    complete(_frame, run, result) {
      if (result < 0) return run.fail(-result);
      const listener = records.at(run.resource);
      if (listener.first === 0) {
        return listener.failure === 0 ? run.again() : run.fail(-listener.failure);
      }
      const connection = oldest(sockets, run.resource);
      const again = records.at(run.resource);
      if (again.waiting === WAITING_MAX - 1) run.wake(again.resume as WaitQueue);
      if (again.first !== 0) run.wakeOne(again.readable as WaitQueue);
      return run.done(run.handleOf(connection));
    },
  });
}

/** Takes the oldest waiting connection out of a listener's list. @returns its resource */
export function oldest(sockets: Sockets, resource: number): number {
  const { records } = sockets;
  const connection = records.at(resource).first - 1;
  const { next } = records.at(connection);
  records.at(connection).next = 0;
  const listener: SocketView = records.at(resource);
  listener.first = next;
  listener.waiting--;
  if (next === 0) listener.last = 0;
  return connection;
}
