/**
 * TCP on the emulated machine: mounts the network device, answers its interrupt by the transport,
 * and lets operations wait for what the transport tells. Files beside this one in emulated/ hold
 * one idea each; network/ is the wire between hosts, transport/ what runs over it.
 */
import type { Driver, DriverContext, Layer } from "../../core/provider/index.ts";
import { NetworkDevice } from "./device.ts";
import { accepting } from "./emulated/accepting.ts";
import { aborting, naming } from "./emulated/naming.ts";
import { beginOpening, opening } from "./emulated/opening.ts";
import { reading } from "./emulated/reading.ts";
import { savedTransport } from "./emulated/saved.ts";
import { Sockets } from "./emulated/sockets.ts";
import { ending, writing } from "./emulated/writing.ts";
import { layOut } from "./network/lay-out.ts";
import { restoreNetwork, saveNetwork } from "./network/saved.ts";
import type { NetworkSettings } from "./network/settings.ts";
import type { TcpOptions } from "./options.ts";
import { NETWORK_BASE, NETWORK_LENGTH, NETWORK_LINE } from "./registers.ts";

const NAME = "tcp.network";

export function emulatedTcp(cx: DriverContext): Driver<TcpOptions> {
  const { machine } = cx;
  const device = new NetworkDevice(machine.attach(NAME, NETWORK_LINE));
  machine.memory.register(
    NETWORK_BASE,
    NETWORK_LENGTH,
    {
      read: (offset) => device.readRegister(offset),
      write: (offset, _width, value) => device.writeRegister(offset, value),
    },
    NAME,
  );
  layOut(device.wire, cx.settings as NetworkSettings);
  const sockets = new Sockets(cx, device);
  cx.onInterrupt(NETWORK_LINE, () => sockets.transport.service());
  return {
    operations: {
      accept: accepting(sockets) as unknown as Layer,
      read: reading(sockets) as unknown as Layer,
      write: writing(sockets) as unknown as Layer,
      end: ending(sockets) as unknown as Layer,
      abort: aborting(sockets) as unknown as Layer,
      name: naming(sockets) as unknown as Layer,
    },
    opening: opening(sockets) as unknown as Layer,
    devices: [
      {
        name: NAME,
        snapshot: () => saveNetwork(device),
        restore: (bytes) => restoreNetwork(device, bytes),
      },
      savedTransport(sockets),
    ],
    open: (resource, options) => beginOpening(sockets, resource, options),
    restore: (resource) => sockets.check(resource),
    describe: (resource) => sockets.describe(resource),
    release: (resource) => sockets.forget(resource),
  };
}
