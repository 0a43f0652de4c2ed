/**
 * TCP on io_uring: the kernel's own sockets. What waits (accepting, connecting, receiving, sending,
 * half-closing, resolving names) goes through the ring; what cannot wait (making, binding, naming)
 * is a host call. Files beside this one in uring/ hold one idea each.
 */
import {
  ERRNO,
  ReelError,
  layer,
  struct,
  type Driver,
  type DriverContext,
  type Layer,
  type WaitQueue,
} from "../../core/provider/index.ts";
import { NAME_PEER, type TcpOptions } from "./options.ts";
import { accepting, acceptor, oldest } from "./uring/accepting.ts";
import { decodeAddress, formatAddress } from "./uring/address.ts";
import { errorNumber } from "./uring/errors.ts";
import { Openings, opening } from "./uring/opening.ts";
import { reading, receiver } from "./uring/receiving.ts";
import { ending, writing } from "./uring/sending.ts";
import { makeAbortive } from "./uring/socket-maker.ts";
import type { ReceiveSettings } from "./uring/inbox.ts";
import { KIND_LISTENER, Sockets } from "./uring/sockets.ts";

const encoder = new TextEncoder();

export function uringTcp(cx: DriverContext): Driver<TcpOptions> {
  const sockets = new Sockets(cx, cx.settings as ReceiveSettings);
  const openings = new Openings(sockets);
  const { records } = sockets;
  const open = opening(openings);
  const services = { receive: receiver(sockets), accept: acceptor(sockets) };

  const abort = layer({
    name: "tcp.abort",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      try {
        makeAbortive(cx.host, records.at(run.resource).file - 1);
        return run.done(0);
      } catch (error) {
        return run.fail(errorNumber(error));
      }
    },
  });

  const name = layer({
    name: "tcp.name",
    frame: struct({}),
    wait: (_frame, run) => run.ready(),
    complete(_frame, run) {
      try {
        const file = records.at(run.resource).file - 1;
        const { family, host, path, port } = decodeAddress(
          cx.host.socketName(file, run.argument === NAME_PEER),
        );
        const text = encoder.encode(
          family === "unix" ? `unix ${path}` : `${family} ${host} ${port}`,
        );
        if (text.length > run.length) return run.fail(ERRNO.EINVAL);
        run.bring(text, 0, text.length);
        return run.done(0);
      } catch (error) {
        return run.fail(errorNumber(error));
      }
    },
  });

  /** Connections that nobody accepted end with their listener. */
  function turnAway(resource: number): void {
    while (records.at(resource).first !== 0) cx.abandon(oldest(sockets, resource));
  }

  return {
    operations: {
      accept: accepting(sockets) as unknown as Layer,
      read: reading(sockets) as unknown as Layer,
      write: writing(sockets) as unknown as Layer,
      end: ending(sockets) as unknown as Layer,
      abort,
      name,
    },
    layers: [services.receive as unknown as Layer, services.accept as unknown as Layer],
    opening: open as unknown as Layer,
    open(resource, options) {
      if (options.role === "network") {
        throw new ReelError("ERR_UNSUPPORTED", "Cannot control the network: it is the real one", {
          mend: "Run on the emulated backend, whose network is part of the session",
        });
      }
      openings.begin(resource, options);
    },
    service: (resource) =>
      (records.at(resource).kind === KIND_LISTENER
        ? services.accept
        : services.receive) as unknown as Layer,
    describe: (resource) => describe(resource),
    release(resource) {
      openings.forget(resource);
      const record = records.at(resource);
      const { file, kind, readable, writable, resume } = record;
      if (file === 0) return;
      if (kind === KIND_LISTENER) turnAway(resource);
      else sockets.inboxes.empty(record);
      record.file = 0;
      for (const queue of [readable, writable, resume]) cx.dispose(queue as WaitQueue);
      const path = openings.paths.get(resource);
      openings.paths.delete(resource);
      delete openings.labels[resource];
      cx.host.close(file - 1);
      // Somebody may wait for a descriptor to accept with.
      cx.wake(sockets.descriptors);
      if (path !== undefined) unlink(path);
    },
  };

  function unlink(path: string): void {
    try {
      cx.host.unlink(path);
    } catch (error) {
      // Whoever removed the name before has done what we wanted.
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    }
  }

  /** The address that a socket was opened with; of an accepted one, its peer's. */
  function describe(resource: number): string {
    const label = openings.labels[resource];
    if (label !== undefined) return label;
    const { file } = records.at(resource);
    if (file === 0) return "a closed connection";
    try {
      return formatAddress(decodeAddress(cx.host.socketName(file - 1, true)));
    } catch {
      return "a lost peer";
    }
  }
}
