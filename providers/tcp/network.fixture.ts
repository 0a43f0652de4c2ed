/**
 * The emulated network without the engine: a machine, its network device and the transport, driven
 * by a loop of ten lines, for tests of the parts.
 */
import { Machine } from "../../core/backend/emulated/machine.ts";
import { NetworkDevice } from "./device.ts";
import { carryOut, parseCommand } from "./network/commands.ts";
import { restoreNetwork, saveNetwork } from "./network/saved.ts";
import { NETWORK_BASE, NETWORK_LENGTH, NETWORK_LINE } from "./registers.ts";
import {
  AT_END,
  accept,
  connect,
  listen,
  readAddress,
  readable,
  send,
  straightBytes,
  take,
  writable,
  type SocketOptions,
} from "./transport/calls.ts";
import { Transport } from "./transport/transport.ts";

export const SOCKET_OPTIONS: SocketOptions = {
  backlog: 16,
  reusePort: false,
  noDelay: true,
  keepAlive: false,
  keepAliveDelayNs: 0,
  inboxBytes: 1 << 16,
};

/** What {@link NetworkRig.left} says when nothing is. */
export const NOTHING_LEFT = { connections: 0, blocks: 0, frames: 0, deadlines: 0 };

/** A connection between the hosts `a` and `b`, and the listener that it came to. */
export interface RigPair {
  readonly rig: NetworkRig;
  readonly client: number;
  readonly server: number;
  readonly listener: number;
}

export interface MachineWithDevice {
  machine: Machine;
  device: NetworkDevice;
}

/** A machine with the device mounted on it, and its line enabled. */
export function machineWithDevice(seed = 1, ramBytes = 1 << 24): MachineWithDevice {
  const machine = new Machine({ seed, ramBytes });
  const device = new NetworkDevice(machine.attach("tcp.network", NETWORK_LINE));
  machine.memory.register(
    NETWORK_BASE,
    NETWORK_LENGTH,
    {
      read: (offset) => device.readRegister(offset),
      write: (offset, _width, value) => device.writeRegister(offset, value),
    },
    "tcp.network",
  );
  machine.interrupts.enable(NETWORK_LINE);
  return { machine, device };
}

export class NetworkRig {
  readonly machine: Machine;
  readonly device: NetworkDevice;
  readonly transport: Transport;
  /** Called after each moment in which something happened. */
  onTurn: () => void = () => {};

  constructor(seed = 1, ramBytes?: number) {
    const { machine, device } = machineWithDevice(seed, ramBytes);
    this.machine = machine;
    this.device = device;
    this.transport = new Transport({
      machine,
      random: machine.random,
      now: () => machine.now(),
      readable: () => {},
      writable: () => {},
    });
    this.transport.bringUp();
  }

  /** A connection from `a` to port 80 of `b`. */
  static pair(
    command = "link a b latencyNs=1000000",
    here: Partial<SocketOptions> = {},
    there: Partial<SocketOptions> = {},
  ): RigPair {
    const rig = new NetworkRig();
    rig.command(command);
    const listener = rig.listen("b", 80, there);
    const client = rig.connect("a", "b", 80, here);
    let server = 0;
    rig.runUntil(() => (server = rig.accept(listener)) !== 0);
    return { rig, client, server, listener };
  }

  command(...lines: string[]): void {
    for (const line of lines) carryOut(parseCommand(line), this.device.wire);
  }

  address(host: string): number {
    return this.device.wire.hosts.resolve(host, 1);
  }

  listen(host: string, port: number, options: Partial<SocketOptions> = {}): number {
    const all = { ...SOCKET_OPTIONS, ...options };
    return listen(this.transport, 0, this.address(host), port, all);
  }

  connect(from: string, to: string, port: number, options: Partial<SocketOptions> = {}): number {
    const all = { ...SOCKET_OPTIONS, ...options };
    return connect(this.transport, 1, this.address(from), this.address(to), port, all);
  }

  accept(listener: number): number {
    return accept(this.transport, listener, 2);
  }

  /** Sends as much as there is room for. @returns how much, or an error number below zero */
  send(connection: number, bytes: Uint8Array, from = 0): number {
    const room = Math.min(writable(this.transport, connection), bytes.length - from);
    if (room <= 0) return room;
    return send(this.transport, connection, bytes, from, room, false);
  }

  /** Takes what was received. @returns undefined at the end, an error number below zero */
  receive(connection: number): Uint8Array | number | undefined {
    const count = readable(this.transport, connection);
    if (count <= 0) return count === AT_END ? undefined : count;
    const straight = Math.min(count, straightBytes(this.transport, connection));
    const at = readAddress(this.transport, connection);
    const bytes = this.machine.ram.read(at, straight)!.slice();
    take(this.transport, connection, straight);
    return bytes;
  }

  /** Lets time pass until a condition holds. @returns whether it came to hold */
  runUntil(holds: () => boolean, limitNs = Infinity): boolean {
    const { machine } = this;
    for (;;) {
      machine.runDue();
      while (machine.interrupts.takeNext() !== -1) this.transport.service();
      this.onTurn();
      if (holds()) return true;
      if (machine.nextEventNs === Infinity || machine.nextEventNs > limitNs) return false;
      machine.advanceTo(machine.nextEventNs);
    }
  }

  /** Lets everything that is pending happen. */
  runOut(limitNs?: number): void {
    this.runUntil(() => this.machine.nextEventNs === Infinity, limitNs);
  }

  /** Connections, blocks and frames that are in use. */
  left(): typeof NOTHING_LEFT {
    const { root } = this.transport.memory;
    const { store } = this.device.wire;
    let frames = 0;
    for (let slot = 0; slot < store.count; slot++) if (store.holds(slot)) frames++;
    return {
      connections: root.connectionsUsed,
      blocks: root.blocksUsed,
      frames,
      deadlines: root.heapSize,
    };
  }

  snapshot(): { machine: Uint8Array; network: Uint8Array; rootAt: number } {
    return {
      machine: this.machine.snapshot(),
      network: saveNetwork(this.device),
      rootAt: this.transport.memory.rootAt,
    };
  }

  restore(saved: ReturnType<NetworkRig["snapshot"]>): void {
    this.machine.restore(saved.machine);
    restoreNetwork(this.device, saved.network);
    this.transport.memory.adopt(saved.rootAt);
  }
}
