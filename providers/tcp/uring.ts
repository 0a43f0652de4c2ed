/**
 * TCP on io_uring: the kernel's own sockets. What waits (accepting, connecting, receiving, sending,
 * half-closing, resolving names) goes through the ring; what cannot wait (making, binding, naming)
 * is a host call. Files beside this one in uring/ hold one idea each.
 */
import {
  ReelError,
  type Driver,
  type DriverContext,
  type Layer,
} from "../../core/provider/index.ts";
import type { TcpOptions } from "./options.ts";
import { accepting, acceptor } from "./uring/accepting.ts";
import { aborting, release } from "./uring/closing.ts";
import type { ReceiveSettings } from "./uring/inbox.ts";
import { describe, naming } from "./uring/naming.ts";
import { opening } from "./uring/opening.ts";
import { Openings } from "./uring/openings.ts";
import { reading, receiver } from "./uring/receiving.ts";
import { ending, writing } from "./uring/sending.ts";
import { KIND_LISTENER, Sockets } from "./uring/sockets.ts";

/** Layers of any frame, as the driver's face has them. */
const plain = (layer: unknown): Layer => layer as Layer;

export function uringTcp(cx: DriverContext): Driver<TcpOptions> {
  const sockets = new Sockets(cx, cx.settings as ReceiveSettings);
  const openings = new Openings(sockets);
  const services = { receive: plain(receiver(sockets)), accept: plain(acceptor(sockets)) };
  return {
    operations: {
      accept: plain(accepting(sockets)),
      read: plain(reading(sockets)),
      write: plain(writing(sockets)),
      end: plain(ending(sockets)),
      abort: plain(aborting(sockets)),
      name: plain(naming(sockets)),
    },
    layers: [services.receive, services.accept],
    opening: plain(opening(openings)),
    open(resource, options) {
      if (options.role === "network") {
        throw new ReelError("ERR_UNSUPPORTED", "Cannot control the network: it is the real one", {
          mend: "Run on the emulated backend, whose network is part of the session",
        });
      }
      openings.begin(resource, options);
    },
    service: (resource) =>
      sockets.records.at(resource).kind === KIND_LISTENER ? services.accept : services.receive,
    describe: (resource) => describe(sockets, openings, resource),
    release: (resource) => release(sockets, openings, resource),
  };
}
