/**
 * What an opening knows beside its frame: the options, the addresses that a name stands for, the
 * socket that is being made. It ends with the operation, which no snapshot holds.
 */
import type { DriverMemory } from "../../../core/provider/index.ts";
import type { TcpOptions } from "../options.ts";
import { ADDRESS_BYTES_MAX, encodeInet, encodeUnix, familyOf, formatAddress } from "./address.ts";
import { SocketMaker } from "./socket-maker.ts";
import { KIND_CONNECTION, KIND_LISTENER, type Sockets } from "./sockets.ts";

/** Room for a name and for the resolver's answer; the address to connect to lies behind it. */
export const ANSWER_BYTES = 1152;
const SCRATCH_BYTES = ANSWER_BYTES + 128;

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

  /**
   * The opening has come to its end: makes the socket of another role than a client's, or keeps the
   * client's that is connected.
   * @throws {ReelError} nothing is kept then, and {@link forget} lets go of the rest
   */
  finish(resource: number): void {
    const attempt = this.at(resource);
    const { options } = attempt;
    const { path, role } = options;
    if (role === "adopt") attempt.file = this.#sockets.cx.host.adopt(options.fd);
    else if (role === "listen") {
      attempt.file = this.#maker.listen(options, attempt.hosts[0] ?? "");
      if (path !== "" && !path.startsWith("\0")) this.paths.set(resource, path);
    }
    const kind = role === "listen" || options.listening ? KIND_LISTENER : KIND_CONNECTION;
    this.#sockets.begin(resource, kind, attempt.file, options);
    attempt.file = -1;
    this.forget(resource);
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
}

const ADDRESS_ROOM = SCRATCH_BYTES - ANSWER_BYTES;
if (ADDRESS_ROOM < ADDRESS_BYTES_MAX) throw new RangeError("An address does not fit the scratch");
