/**
 * Answers host calls from a recording. No call reaches the host: a replay opens no path and makes
 * no pipe.
 */
import type { AtHand, FileStatus, HostCalls } from "../backend/contract.ts";
import { codeOfResult, ReelError } from "../errors.ts";
import { corrupt } from "./cursor.ts";
import { nameHostCall } from "./describe.ts";
import { HOST_CALL } from "./event.ts";
import type { EventRecord } from "./event.ts";
import { payloadLeftOut } from "./replay-policy.ts";
import { FILE_KINDS, hostArguments } from "./tap-host.ts";
import type { Verifier } from "./verifier.ts";

export class ReplayHost implements HostCalls {
  readonly #verifier: Verifier;

  constructor(verifier: Verifier) {
    this.#verifier = verifier;
  }

  pipe(capacityBytes: number): [reader: number, writer: number] {
    const answer = this.#answer(HOST_CALL.PIPE, hostArguments.pipe(capacityBytes), 3);
    return [answer.results[1]!, answer.results[2]!];
  }

  close(file: number): void {
    this.#answer(HOST_CALL.CLOSE, hostArguments.close(file), 1);
  }

  open(_path: string, flags: number, mode: number): number {
    return this.#answer(HOST_CALL.OPEN, hostArguments.open(flags, mode), 2).results[1]!;
  }

  peekPipe(reader: number): Uint8Array {
    const answer = this.#answer(HOST_CALL.PEEK_PIPE, hostArguments.peekPipe(reader), 1);
    return answer.bytes?.slice() ?? new Uint8Array(0);
  }

  write(file: number, bytes: Uint8Array): void {
    this.#answer(HOST_CALL.WRITE, hostArguments.write(file, bytes), 1);
  }

  socket(domain: number, type: number, protocol: number): number {
    const args = hostArguments.socket(domain, type, protocol);
    return this.#answer(HOST_CALL.SOCKET, args, 2).results[1]!;
  }

  bind(file: number, address: Uint8Array): void {
    this.#answer(HOST_CALL.BIND, hostArguments.bind(file, address), 1);
  }

  listen(file: number, backlog: number): void {
    this.#answer(HOST_CALL.LISTEN, hostArguments.listen(file, backlog), 1);
  }

  setSocketOption(file: number, level: number, option: number, value: Uint8Array): void {
    const args = hostArguments.setSocketOption(file, level, option, value);
    this.#answer(HOST_CALL.SET_SOCKET_OPTION, args, 1);
  }

  socketName(file: number, peer: boolean): Uint8Array {
    const answer = this.#answer(HOST_CALL.SOCKET_NAME, hostArguments.socketName(file, peer), 1);
    return answer.bytes?.slice() ?? new Uint8Array(0);
  }

  adopt(_descriptor: number): number {
    return this.#answer(HOST_CALL.ADOPT, hostArguments.adopt(), 2).results[1]!;
  }

  unlink(_path: string): void {
    this.#answer(HOST_CALL.UNLINK, hostArguments.unlink(), 1);
  }

  fileStatus(file: number): FileStatus {
    const args = hostArguments.fileStatus(file);
    const [, sizeBytes, kind, directBytes] = this.#answer(HOST_CALL.FILE_STATUS, args, 4).results;
    const named = FILE_KINDS[kind!];
    if (named === undefined || sizeBytes! < 0 || directBytes! < 0) {
      corrupt(`the answer to fileStatus has a file of kind ${kind} and ${sizeBytes} bytes`);
    }
    return { sizeBytes: sizeBytes!, kind: named, directBytes: directBytes! };
  }

  resize(file: number, sizeBytes: number): void {
    this.#answer(HOST_CALL.RESIZE, hostArguments.resize(file, sizeBytes), 1);
  }

  lockFile(file: number, exclusive: boolean): void {
    this.#answer(HOST_CALL.LOCK_FILE, hostArguments.lockFile(file, exclusive), 1);
  }

  keepAtHand(file: number): AtHand {
    const { results } = this.#answer(HOST_CALL.KEEP_AT_HAND, hostArguments.keepAtHand(file), 3);
    return { file: results[1] === 1, memory: results[2] === 1 };
  }

  /** The recorded number of a new group of buffers, for the ring. */
  readonly openGroup = (bufferBytes: number, count: number): number => {
    const args = hostArguments.openGroup(bufferBytes, count);
    return this.#answer(HOST_CALL.OPEN_GROUP, args, 2).results[1]!;
  };

  /**
   * @param wanted how many numbers the answer to a call that succeeded has
   * @throws {ReelError} the recorded failure, or ECANCELED once the replay has diverged
   */
  #answer(call: number, args: readonly number[], wanted: number): EventRecord {
    const answer = this.#verifier.answerHost(call, args);
    if (answer === undefined) {
      throw new ReelError("ECANCELED", `Cannot ${nameHostCall(call)}: the replay has diverged`);
    }
    if (answer.missing >= 0) {
      const at = this.#verifier.events - 1;
      this.#verifier.stop();
      throw payloadLeftOut(at);
    }
    const status = answer.results[0] ?? 0;
    if (status < 0) {
      const code = codeOfResult(status);
      throw new ReelError(code, `Cannot ${nameHostCall(call)}: the recorded call gave ${code}`);
    }
    if (answer.results.length !== wanted) {
      corrupt(`the answer to ${nameHostCall(call)} has ${answer.results.length} numbers`);
    }
    return answer;
  }
}
