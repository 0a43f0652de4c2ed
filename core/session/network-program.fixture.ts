/**
 * A program for the session's tests: a client that looks a name up and connects, and a server whose
 * connections receive into picked buffers and send back what came, some of it without a copy.
 * Whatever the network does shows in what the program does next.
 */
import { COMPLETE_BUFFER, COMPLETE_MORE, fromGroup, HOW, OPCODE } from "../backend/contract.ts";
import type { Backend, Ring, Sink } from "../backend/contract.ts";
import type { ReelError } from "../errors.ts";
import type { TestMemory } from "./scripted-backend.fixture.ts";
import type { Tap } from "./tap.ts";
import { IDLE_POLLS_MAX } from "./test-program.fixture.ts";

/** What the program asks for; a test changes one thing and sees the replay end there. */
export interface NetworkPlan {
  readonly name: string;
  readonly peer: Uint8Array;
  readonly host: Uint8Array;
  readonly limitNs: number;
  readonly backlog: number;
  readonly bufferBytes: number;
  /** The group that connections receive from. */
  readonly group: 0 | 1;
  readonly sendHow: number;
  readonly descriptor: number;
  readonly path: string;
}

/** A sockaddr_in. */
export const internet = (port: number, last: number): Uint8Array =>
  new Uint8Array([2, 0, port >> 8, port & 255, 10, 0, 0, last, 0, 0, 0, 0, 0, 0, 0, 0]);

/** A sockaddr_un. */
export const unix = (path: string): Uint8Array =>
  new Uint8Array([1, 0, ...new TextEncoder().encode(path), 0]);

export const PLAN: NetworkPlan = {
  name: "example.org",
  peer: internet(80, 7),
  host: internet(0, 1),
  limitNs: 5_000_000,
  backlog: 511,
  bufferBytes: 64,
  group: 1,
  sendHow: 0,
  descriptor: 3,
  path: "/run/a.sock",
};

const BUFFERS = 2;
const GROUPS_AT = 0x4000;
const MESSAGES = 60;
const CONNECTIONS = 6;
const [LOOKING, CONNECTING, ACCEPTING, RECEIVING, SENDING] = [0, 1, 2, 8, 32] as const;

export class NetworkProgram implements Sink {
  /** All that the program saw: equal for a run and its replay. */
  readonly log: string[] = [];
  steps = 0;
  readonly #memory: TestMemory;
  readonly #plan: NetworkPlan;
  readonly #ready: (() => void)[] = [];
  readonly #live = new Map<number, (result: number, flags: number) => void>();
  #ring: Ring | undefined;
  #connections = 0;
  #messages = 0;

  constructor(memory: TestMemory, plan: NetworkPlan) {
    this.#memory = memory;
    this.#plan = plan;
  }

  /** Runs to the end. */
  run(backend: Backend, tap: Tap): void {
    this.#ring = backend.ring!;
    const listener = this.#listen(backend);
    this.#openGroups();
    this.#look();
    this.#accept(listener);
    let idle = 0;
    while (this.#live.size > 0 || this.#ready.length > 0) {
      for (let turns = 0; turns < 4 && this.#ready.length > 0; turns++) {
        this.steps++;
        this.#ready.shift()!();
      }
      if (this.#messages >= MESSAGES) {
        for (const slot of this.#live.keys()) this.#ring.cancel(slot, 1);
      }
      const waits = this.#ready.length === 0;
      idle = backend.poll(this, waits) === 0 && waits ? idle + 1 : 0;
      // A defect of what is tested must not make the test spin.
      if (idle > IDLE_POLLS_MAX) throw new Error("The program waits for what never comes");
    }
    tap.end("ok");
  }

  turn(nowNs: number): void {
    this.log.push(`turn ${nowNs}`);
  }

  complete(slot: number, generation: number, result: number, flags: number): void {
    if (generation !== 1) return;
    this.log.push(`complete ${slot} ${result} ${flags}`);
    const resume = this.#live.get(slot)!;
    if ((flags & COMPLETE_MORE) === 0) this.#live.delete(slot);
    this.#ready.push(() => resume(result, flags));
  }

  interrupt(): void {}
  expire(): void {}
  input(): void {}

  #listen(backend: Backend): number {
    const host = backend.host!;
    const { backlog, descriptor, path } = this.#plan;
    const listener = host.socket(2, 1, 0);
    host.setSocketOption(listener, 1, 2, new Uint8Array([1, 0, 0, 0]));
    host.bind(listener, this.#plan.host);
    host.listen(listener, backlog);
    this.log.push(`port ${host.socketName(listener, false).toHex()}`);
    host.bind(host.socket(1, 1, 0), unix(path));
    this.log.push(`adopted ${host.adopt(descriptor)}`);
    host.unlink(path);
    return listener;
  }

  #openGroups(): void {
    const { bufferBytes } = this.#plan;
    const address = this.#memory.base + GROUPS_AT;
    try {
      this.#ring!.openGroup(address, bufferBytes, 64);
    } catch (error) {
      this.log.push((error as ReelError).code);
    }
    const first = this.#ring!.openGroup(address, bufferBytes, BUFFERS);
    const second = this.#ring!.openGroup(address + 0x1000, bufferBytes, BUFFERS);
    this.log.push(`groups ${first} ${second}`);
  }

  #prepare(
    slot: number,
    resume: (result: number, flags: number) => void,
    request: { opcode: number; file?: number; at?: number; length?: number; offset?: number },
    how = 0,
    opFlags = 0,
  ): void {
    const { opcode, file = -1, at, length = 0, offset = 0 } = request;
    const address = at === undefined ? 0 : this.#memory.base + at;
    this.#live.set(slot, resume);
    this.#ring!.prepare(opcode, slot, 1, file, address, length, offset, opFlags, how);
  }

  #look(): void {
    const { name, peer, limitNs } = this.#plan;
    const { length } = name;
    this.#memory.bytes.set(new TextEncoder().encode(name));
    const found = (result: number): void => {
      this.log.push(`found ${new TextDecoder().decode(this.#memory.bytes.slice(0, result))}`);
      this.#memory.bytes.set(peer, 256);
      const connect = { opcode: OPCODE.CONNECT, file: 5, at: 256, offset: peer.length };
      this.#prepare(CONNECTING, (outcome) => this.log.push(`connected ${outcome}`), connect);
      this.#ring!.limit(CONNECTING, 1, limitNs);
    };
    this.#prepare(LOOKING, found, { opcode: OPCODE.LOOKUP, at: 0, length }, 0, 128);
  }

  #accept(listener: number): void {
    const accepted = (result: number, flags: number): void => {
      if (result >= 0 && this.#connections < CONNECTIONS) {
        this.#receive(this.#connections++, result);
      }
      if ((flags & COMPLETE_MORE) === 0 && this.#connections < CONNECTIONS) this.#accept(listener);
      else if (this.#connections === CONNECTIONS) this.#ring!.cancel(ACCEPTING, 1);
    };
    const request = { opcode: OPCODE.ACCEPT, file: listener };
    this.#prepare(ACCEPTING, accepted, request, HOW.ACCEPT_MULTISHOT);
  }

  #receive(connection: number, file: number): void {
    const { group, bufferBytes } = this.#plan;
    const received = (result: number, flags: number): void => {
      const over = (flags & COMPLETE_MORE) === 0;
      if ((flags & COMPLETE_BUFFER) !== 0) {
        const buffer = flags >>> 16;
        const at = GROUPS_AT + group * 0x1000 + buffer * bufferBytes;
        const bytes = this.#memory.bytes.slice(at, at + Math.max(0, result));
        this.log.push(`received ${connection} ${bytes.toHex()}`);
        this.#ready.push(() => this.#ring!.giveBuffer(group, buffer));
        if (result > 0) this.#send(connection, file, bytes);
      }
      if (over && this.#messages < MESSAGES)
        this.#ready.push(() => this.#receive(connection, file));
    };
    const how = HOW.RECV_MULTISHOT | fromGroup(group);
    this.#prepare(RECEIVING + connection, received, { opcode: OPCODE.RECV, file }, how);
  }

  #send(connection: number, file: number, bytes: Uint8Array): void {
    const slot = SENDING + connection;
    this.#messages++;
    if (this.#live.has(slot)) return;
    const at = 0x400 + connection * 0x100;
    this.#memory.bytes.set(bytes, at);
    const opcode = bytes.length > 40 ? OPCODE.SEND_ZC : OPCODE.SEND;
    const sent = (result: number): void => void this.log.push(`sent ${connection} ${result}`);
    this.#prepare(slot, sent, { opcode, file, at, length: bytes.length }, this.#plan.sendHow);
  }
}
