/**
 * Opening a socket, as an operation: names are resolved first, then the socket is made, and a client
 * tries one address after the other, in the resolver's order, until one answers.
 */
import {
  ERRNO,
  OPCODE,
  layer,
  struct,
  u32,
  u8,
  type DriverMemory,
  type LayerContext,
  type Move,
} from "../../../core/provider/index.ts";
import type { TcpOptions } from "../options.ts";
import { ADDRESS_BYTES_MAX, encodeInet, encodeUnix, familyOf, formatAddress } from "./address.ts";
import { errorNumber } from "./errors.ts";
import { KIND_CONNECTION, KIND_LISTENER, timedOut, type Sockets } from "./sockets.ts";
import { SocketMaker } from "./socket-maker.ts";

/** Room for a name and for the resolver's answer; the address to connect to lies behind it. */
const ANSWER_BYTES = 1152;
const SCRATCH_BYTES = ANSWER_BYTES + 128;

const PHASE_RESOLVE_HOST = 0;
const PHASE_RESOLVE_FROM = 1;
const PHASE_ATTEMPT = 2;

/** What an opening knows beside its frame. It ends with the operation, which no snapshot holds. */
export interface Attempt {
  readonly options: TcpOptions;
  readonly scratch: DriverMemory;
  hosts: string[];
  from: string;
  file: number;
}

export class Openings {
  readonly #sockets: Sockets;
  readonly #maker: SocketMaker;
  readonly #attempts = new Map<number, Attempt>();
  readonly #spare: DriverMemory[] = [];
  /** By resource: what it was opened with, as people would write it. */
  readonly labels: string[] = [];
  /** By listener: the path to remove when it closes. */
  readonly paths = new Map<number, string>();

  constructor(sockets: Sockets) {
    this.#sockets = sockets;
    this.#maker = new SocketMaker(sockets.cx.host);
  }

  /** Notes what is to be opened. */
  begin(resource: number, options: TcpOptions): void {
    const { host, path, port } = options;
    const family = familyOf(host) === 10 ? "ipv6" : "ipv4";
    const unix = { family: "unix", host: "", port: 0, path } as const;
    this.labels[resource] = formatAddress(path === "" ? { family, host, port, path } : unix);
    const scratch = this.#spare.pop() ?? this.#sockets.cx.memory(SCRATCH_BYTES);
    this.#attempts.set(resource, { options, scratch, hosts: [], from: "", file: -1 });
  }

  /** Forgets an opening that is over, or never began. */
  forget(resource: number): void {
    const attempt = this.#attempts.get(resource);
    if (attempt === undefined) return;
    this.#attempts.delete(resource);
    this.#spare.push(attempt.scratch);
    this.forgetFile(attempt);
  }

  /** Closes the socket of an attempt that failed. */
  forgetFile(attempt: Attempt): void {
    if (attempt.file !== -1) this.#sockets.cx.host.close(attempt.file);
    attempt.file = -1;
  }

  at(resource: number): Attempt {
    return this.#attempts.get(resource)!;
  }

  /** Makes a socket of another role than a client's. @throws {ReelError} */
  openAtOnce(resource: number, attempt: Attempt): void {
    const { options } = attempt;
    const listens = options.role === "listen" || options.listening;
    const host = attempt.hosts[0] ?? "";
    const file =
      options.role === "adopt"
        ? this.#sockets.cx.host.adopt(options.fd)
        : this.#maker.listen(options, host);
    this.keep(resource, file, listens ? KIND_LISTENER : KIND_CONNECTION, options);
    if (options.role === "listen" && options.path !== "" && !options.path.startsWith("\0")) {
      this.paths.set(resource, options.path);
    }
  }

  /** Makes a client's socket and puts the address into the scratch memory. @throws {ReelError} */
  prepare(attempt: Attempt, index: number): number {
    const { options, scratch } = attempt;
    const host = attempt.hosts[index] ?? "";
    const unix = options.path !== "";
    const address = unix ? encodeUnix(options.path) : encodeInet(host, options.port);
    attempt.file = this.#maker.client(options, host, attempt.from);
    scratch.bytes.set(address, ANSWER_BYTES);
    return address.length;
  }

  /** The attempt has succeeded: its file is the resource's. */
  keep(resource: number, file: number, kind: number, options: TcpOptions): void {
    this.#sockets.begin(resource, kind, file, options);
  }
}

const ADDRESS_ROOM = SCRATCH_BYTES - ANSWER_BYTES;
if (ADDRESS_ROOM < ADDRESS_BYTES_MAX) throw new RangeError("An address does not fit the scratch");

export function opening(openings: Openings) {
  /** Asks the resolver about a name. */
  function resolve(attempt: Attempt, name: string, run: LayerContext) {
    const { bytes, address } = attempt.scratch;
    const { written } = new TextEncoder().encodeInto(name, bytes.subarray(0, ANSWER_BYTES));
    return run.ring.request(OPCODE.LOOKUP, -1, address, written, 0, ANSWER_BYTES);
  }

  function answer(attempt: Attempt, result: number): string[] {
    return new TextDecoder().decode(attempt.scratch.bytes.slice(0, result)).split("\n");
  }

  /** The attempt at one address failed: the next one, or the end. */
  function failed(attempt: Attempt, index: number, number: number, run: LayerContext): Move | true {
    openings.forgetFile(attempt);
    return index + 1 < attempt.hosts.length ? true : run.fail(number);
  }

  return layer({
    name: "tcp.open",
    frame: struct({ phase: u8, index: u32 }),
    wait(frame, run) {
      const attempt = openings.at(run.resource);
      const { options } = attempt;
      if (frame.phase === PHASE_RESOLVE_HOST) {
        if (options.role === "adopt" || options.path !== "") return run.ready(0);
        if (familyOf(options.host) === undefined) return resolve(attempt, options.host, run);
        attempt.hosts = [options.host];
        return run.ready(0);
      }
      if (frame.phase === PHASE_RESOLVE_FROM) {
        attempt.from = options.from;
        if (options.from === "" || familyOf(options.from) !== undefined) return run.ready(0);
        return resolve(attempt, options.from, run);
      }
      if (options.role !== "connect") return run.ready(0);
      try {
        const length = openings.prepare(attempt, frame.index);
        const address = attempt.scratch.address + ANSWER_BYTES;
        const wait = run.ring.request(OPCODE.CONNECT, attempt.file, address, 0, length, 0);
        const { connectTimeoutNs } = options;
        return connectTimeoutNs > 0 ? run.ring.limit(wait, connectTimeoutNs) : wait;
      } catch (error) {
        return run.ready(-errorNumber(error));
      }
    },
    complete(frame, run, result) {
      const attempt = openings.at(run.resource);
      const { options } = attempt;
      if (frame.phase === PHASE_ATTEMPT && options.role === "connect") {
        if (result < 0) {
          const number = timedOut(result, ERRNO.ETIME, ERRNO.ETIMEDOUT);
          const move = failed(attempt, frame.index, number, run);
          if (move !== true) return move;
          frame.index++;
          return run.again();
        }
        openings.keep(run.resource, attempt.file, KIND_CONNECTION, options);
        attempt.file = -1;
        openings.forget(run.resource);
        return run.done(0);
      }
      if (frame.phase === PHASE_ATTEMPT) {
        try {
          openings.openAtOnce(run.resource, attempt);
        } catch (error) {
          return run.fail(errorNumber(error));
        }
        openings.forget(run.resource);
        return run.done(0);
      }
      if (result < 0) return run.fail(-result);
      if (frame.phase === PHASE_RESOLVE_HOST) {
        if (result > 0) attempt.hosts = answer(attempt, result);
        frame.phase = PHASE_RESOLVE_FROM;
      } else {
        if (result > 0) attempt.from = answer(attempt, result)[0]!;
        frame.phase = PHASE_ATTEMPT;
      }
      return run.again();
    },
  });
}
