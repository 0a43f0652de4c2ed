/**
 * The stream transport of all hosts of the emulated network: its parts, and one turn of it. What
 * comes in is read, deadlines are looked at, and then every connection with something to say says
 * it once, so that one acknowledgement answers all segments of an interrupt.
 *
 * What it models, and what it does not, is listed in the provider's README.
 */
import type { DriverContext } from "../../../core/provider/index.ts";
import { CAUSE_SENT } from "../registers.ts";
import { Connections } from "./connections.ts";
import { DeadlineHeap } from "./deadlines.ts";
import { fireDeadlines } from "./expiry.ts";
import { input } from "./input.ts";
import { CLOSED, type Connection } from "./layout.ts";
import { TransportMemory } from "./memory.ts";
import { output } from "./output.ts";
import { Queues } from "./queues.ts";
import { DeviceRings } from "./rings.ts";
import { Segment } from "./segment.ts";
import { Streams } from "./streams.ts";
import { endTimeWait } from "./time-wait.ts";

/** What the transport needs of its driver. */
export interface TransportHost {
  readonly machine: Pick<DriverContext["machine"], "ram" | "memory">;
  /** Initial sequence numbers. */
  readonly random: { uint32(): number };
  now(): number;
  /** A holder may look again: bytes, an end, an error, or a connection to accept has come. */
  readable(resource: number): void;
  /** A holder may look again: it is connected, there is room to send, or an error has come. */
  writable(resource: number): void;
}

export class Transport {
  readonly host: TransportHost;
  readonly memory: TransportMemory;
  readonly streams: Streams;
  readonly deadlines: DeadlineHeap;
  readonly connections: Connections;
  readonly queues: Queues;
  readonly rings: DeviceRings;
  readonly segment = new Segment();
  /** The moment of the running turn. */
  nowNs = 0;
  /** Views of the connection that a turn is at, and of a listener beside it. */
  readonly current: Connection;
  readonly listener: Connection;

  constructor(host: TransportHost) {
    this.host = host;
    this.memory = new TransportMemory(host.machine.ram);
    this.streams = new Streams(this.memory);
    this.deadlines = new DeadlineHeap(this.memory);
    this.connections = new Connections(this.memory, this.deadlines);
    this.queues = new Queues(this.memory);
    this.rings = new DeviceRings(this.memory, host.machine.memory);
    this.current = this.memory.connection();
    this.listener = this.memory.connection();
  }

  /** Whether {@link bringUp} was called. */
  get isUp(): boolean {
    return this.memory.rootAt !== 0;
  }

  /** Takes memory and starts the device, the first time. @throws {ReelError} ENOMEM */
  bringUp(): void {
    if (this.isUp) return;
    this.memory.bringUp();
    this.deadlines.bringUp();
    this.connections.bringUp();
    this.rings.bringUp();
  }

  /** Points the shared view at a connection. It is good until the next turn or call. */
  at(number: number): Connection {
    return this.connections.at(this.current, number);
  }

  /** Answers the device's interrupt. */
  service(): void {
    if (!this.isUp) return;
    const { rings } = this;
    this.nowNs = this.host.now();
    const cause = rings.takeCause();
    for (;;) {
      const frameBytes = rings.received();
      if (frameBytes === 0) break;
      if (frameBytes > 0) input(this, rings.receivedAt, frameBytes);
      rings.release();
    }
    fireDeadlines(this);
    if ((cause & CAUSE_SENT) !== 0 && this.memory.root.stalled) {
      this.memory.root.stalled = false;
      rings.tellWhenSent(false);
    }
    this.finishTurn();
  }

  /** Begins work for a program's call. */
  beginTurn(): void {
    this.nowNs = this.host.now();
  }

  /** Sends what has become due, tells the device, and sets its timer. */
  finishTurn(): void {
    const { memory, queues, rings } = this;
    const { root } = memory;
    while (root.outputFirst !== 0 && !root.stalled) {
      const c = this.at(root.outputFirst);
      if (c.state === CLOSED && c.holder === 0 && c.parent === 0) {
        this.connections.give(queues.takeOutput());
      } else if (output(this, c)) {
        queues.takeOutput();
      } else {
        root.stalled = true;
        rings.tellWhenSent(true);
      }
    }
    rings.flush();
    this.#arm();
  }

  /** Lets go of a connection for good: nobody holds it and nothing of it is to be sent. */
  destroy(c: Connection): void {
    this.shut(c);
    c.parent = 0;
    c.holder = 0;
    this.streams.freeReceived(c);
    // One that is in the list of those with output is given back when its turn comes.
    if (!c.queued) this.connections.give(c.number);
  }

  /** Ends a connection's life on the network. What was received can still be read. */
  shut(c: Connection): void {
    if (c.state === CLOSED) return;
    endTimeWait(this, c);
    this.connections.remove(c);
    this.deadlines.remove(c.number);
    this.streams.freeSent(c);
    c.state = CLOSED;
    c.timerAtNs = 0;
    c.keepAliveAtNs = 0;
    c.owesAcknowledgement = false;
  }

  /** Tells a connection's holder that it may read. */
  wakeReader(c: Connection): void {
    if (c.holder !== 0) this.host.readable(c.holder - 1);
  }

  wakeWriter(c: Connection): void {
    if (c.holder !== 0) this.host.writable(c.holder - 1);
  }

  #arm(): void {
    const { root } = this.memory;
    const earliest = this.deadlines.earliestNs;
    const timeWait = this.queues.timeWaitNs;
    const nextNs = earliest < timeWait ? earliest : timeWait;
    if (nextNs === Infinity) return;
    // A timer that is set too early only looks again, so one that is put off is left alone.
    if (root.armedNs > this.nowNs && root.armedNs <= nextNs) return;
    root.armedNs = nextNs;
    this.rings.arm(nextNs);
  }
}
