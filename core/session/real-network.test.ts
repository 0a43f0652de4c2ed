/**
 * A session with real sockets: a client and a server on one ring of this kernel talk to each other
 * at a port that the kernel chose. The recording then drives the same program with no socket at
 * all, and it sees every byte again.
 */
import { expect } from "bun:test";
import {
  COMPLETE_BUFFER,
  COMPLETE_MORE,
  COMPLETE_NOTIFICATION,
  fromGroup,
  HOW,
  OPCODE,
} from "../backend/contract.ts";
import type { Backend, HostCalls, Ring, Sink } from "../backend/contract.ts";
import { openBlocking, openDescriptors, ringTest } from "../backend/uring/ring.fixture.ts";
import { isReelError } from "../errors.ts";
import { Recorder } from "./recorder.ts";
import { ReplayBackend } from "./replay-backend.ts";
import { TestMemory } from "./scripted-backend.fixture.ts";
import { MemorySegments } from "./segment.ts";
import { TapBackend } from "./tap-backend.ts";
import type { Tap } from "./tap.ts";
import { Verifier } from "./verifier.ts";

const [AF_INET, SOCK_STREAM] = [2, 1] as const;
const [SHUT_WR, ROUNDS, BUFFER_BYTES] = [1, 12, 256] as const;
const [ACCEPTING, CONNECTING, SERVING, LISTENING, ECHOING, ASKING, SHUTTING] = [
  0, 1, 2, 3, 4, 5, 6,
] as const;
const GROUP_AT = 0x4000;
const [IPPROTO_TCP, TCP_NODELAY, TRUE] = [6, 1, new Uint8Array([1, 0, 0, 0])] as const;

/** Asks a server for an echo of growing messages; both are here, on one ring. */
class EchoProgram implements Sink {
  readonly log: string[] = [];
  readonly #memory: TestMemory;
  readonly #then: ((result: number, flags: number) => void)[] = [];
  readonly #backend: Backend;
  readonly #ring: Ring;
  readonly #answers: Uint8Array[] = [];
  #group = -1;
  #client = -1;
  #echoed = 0;

  constructor(backend: Backend, memory: TestMemory) {
    this.#backend = backend;
    this.#ring = backend.ring!;
    this.#memory = memory;
  }

  run(tap: Tap): void {
    const host = this.#backend.host!;
    this.#group = this.#ring.openGroup(this.#memory.base + GROUP_AT, BUFFER_BYTES, 8);
    const listener = host.socket(AF_INET, SOCK_STREAM, 0);
    host.bind(listener, new Uint8Array([AF_INET, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    host.listen(listener, 8);
    this.#accept(listener);
    this.#connect(host, host.socketName(listener, false));
    while (this.#backend.pending()) this.#backend.poll(this, true);
    for (const file of [listener, this.#client]) host.close(file);
    tap.end("ok");
  }

  turn(): void {}
  interrupt(): void {}
  expire(): void {}
  input(): void {}

  complete(slot: number, _generation: number, result: number, flags: number): void {
    this.log.push(`${slot} ${result} ${flags}`);
    this.#then[slot]!(result, flags);
  }

  #prepare(
    slot: number,
    then: (result: number, flags: number) => void,
    request: { opcode: number; file: number; at?: number; length?: number; offset?: number },
    how = 0,
  ): void {
    const { opcode, file, at, length = 0, offset = 0 } = request;
    const address = at === undefined ? 0 : this.#memory.base + at;
    this.#then[slot] = then;
    this.#ring.prepare(opcode, slot, 1, file, address, length, offset, 0, how);
  }

  #accept(listener: number): void {
    const accepted = (file: number): void => {
      if (file < 0) return;
      this.#ring.cancel(ACCEPTING, 1);
      // Without it the kernel holds small answers back until the ones before are acknowledged.
      this.#backend.host!.setSocketOption(file, IPPROTO_TCP, TCP_NODELAY, TRUE);
      this.#receive(SERVING, file, (bytes) => {
        if (bytes === undefined) return this.#backend.host!.close(file);
        this.#answers.push(bytes);
        if (this.#answers.length === 1) this.#answer(file);
      });
    };
    const request = { opcode: OPCODE.ACCEPT, file: listener };
    this.#prepare(ACCEPTING, accepted, request, HOW.ACCEPT_MULTISHOT);
  }

  /** Sends the answers one after the other: a slot has one request at a time. */
  #answer(file: number): void {
    const bytes = this.#answers[0]!;
    const sent = (_result: number, flags: number): void => {
      if ((flags & COMPLETE_MORE) !== 0) return;
      this.#answers.shift();
      if (this.#answers.length > 0) this.#answer(file);
    };
    this.#memory.bytes.set(bytes, 0x800);
    // Once: its memory is free when the other end has acknowledged, which takes its time.
    const opcode = this.#echoed === 2 ? OPCODE.SEND_ZC : OPCODE.SEND;
    this.#prepare(ECHOING, sent, { opcode, file, at: 0x800, length: bytes.length });
  }

  #connect(host: HostCalls, address: Uint8Array): void {
    this.log.push(`address ${address.toHex()}`);
    const file = host.socket(AF_INET, SOCK_STREAM, 0);
    this.#client = file;
    this.#memory.bytes.set(address);
    const request = { opcode: OPCODE.CONNECT, file, at: 0, offset: address.length };
    this.#prepare(CONNECTING, () => this.#ask(file), request);
    this.#ring.limit(CONNECTING, 1, 20e9);
    this.#ring.flush();
  }

  #ask(file: number): void {
    let wanted = 0;
    const next = (): void => {
      if (this.#echoed === ROUNDS) {
        return this.#prepare(SHUTTING, () => {}, {
          opcode: OPCODE.SHUTDOWN,
          file,
          length: SHUT_WR,
        });
      }
      const length = 1 + ((this.#echoed++ * 97) % 1000);
      this.#memory.bytes.fill(length, 0x1000, 0x1000 + length);
      wanted = length;
      this.#prepare(ASKING, () => {}, { opcode: OPCODE.SEND, file, at: 0x1000, length });
    };
    this.#receive(LISTENING, file, (bytes) => {
      wanted -= bytes?.length ?? 0;
      if (bytes !== undefined && wanted === 0) next();
    });
    next();
  }

  /** Receives until the other end is done, a message's pieces joined as they arrive. */
  #receive(slot: number, file: number, take: (bytes: Uint8Array | undefined) => void): void {
    const received = (result: number, flags: number): void => {
      if ((flags & COMPLETE_BUFFER) !== 0) {
        const buffer = flags >>> 16;
        const at = GROUP_AT + buffer * BUFFER_BYTES;
        const bytes = this.#memory.bytes.slice(at, at + result);
        this.log.push(`${slot} received ${Bun.hash.crc32(bytes)}`);
        this.#ring.giveBuffer(this.#group, buffer);
        take(bytes);
      }
      if (result <= 0) take(undefined);
      else if ((flags & COMPLETE_MORE) === 0) this.#receive(slot, file, take);
    };
    const how = HOW.RECV_MULTISHOT | fromGroup(this.#group);
    this.#prepare(slot, received, { opcode: OPCODE.RECV, file }, how);
  }
}

ringTest("a session over real sockets replays with none of them, byte for byte", () => {
  const backend = openBlocking();
  const pages = new TestMemory(0);
  const memory = new TestMemory(backend.pinMemory(pages.bytes), pages.bytes);
  const source = new MemorySegments();
  const recorder = new Recorder(source);
  const steps = (): number => 0;
  const program = new EchoProgram(new TapBackend(backend, recorder, { steps, memory }), memory);
  try {
    program.run(recorder);
  } catch (error) {
    // A kernel without groups of buffers has no such sessions either.
    if (!isReelError(error, "EINVAL")) throw error;
    return console.warn("SKIPPED: a session over real sockets: found no groups of buffers");
  }
  recorder.flush();
  backend.close();
  const before = openDescriptors().length;
  const extent = { eventCount: recorder.events, digest: source.digest };
  const verifier = new Verifier({ source, ...extent, complete: true, providerKinds: [] });
  const elsewhere = new TestMemory(0x1000);
  const replayed = new EchoProgram(
    new ReplayBackend(verifier, { steps, memory: elsewhere }),
    elsewhere,
  );
  replayed.run(verifier);
  expect(replayed.log).toEqual(program.log);
  expect(verifier.identical).toBe(true);
  expect(openDescriptors().length).toBe(before);
  const notified = new RegExp(`^${ECHOING} \\d+ ${COMPLETE_NOTIFICATION}$`);
  expect(program.log.some((line) => notified.test(line))).toBe(true);
  expect(program.log.filter((line) => line.includes("received")).length).toBeGreaterThan(
    2 * ROUNDS,
  );
});
