/**
 * A scripted machine with a network: connections, buffers that the kernel picks, requests that
 * complete many times, and names that resolve to something else in every run.
 */
import {
  COMPLETE_BUFFER,
  COMPLETE_MORE,
  COMPLETE_NONEMPTY,
  COMPLETE_NOTIFICATION,
  groupOf,
  OPCODE,
} from "../backend/contract.ts";
import { ERRNO } from "../errors.ts";
import { ScriptedBackend } from "./scripted-backend.fixture.ts";
import type { Request } from "./scripted-backend.fixture.ts";

interface Group {
  readonly address: number;
  readonly bufferBytes: number;
  readonly free: number[];
}

export class ScriptedNetwork extends ScriptedBackend {
  readonly #groups: Group[] = [];
  #accepted = 100;

  protected override openGroup(address: number, bufferBytes: number, count: number): number {
    // Some kernels know no groups, and some have no memory for large ones.
    if (count > 8) return super.openGroup(address, bufferBytes, count);
    return this.#groups.push({ address, bufferBytes, free: [...Array(count).keys()] }) - 1;
  }

  protected override giveBuffer(group: number, buffer: number): void {
    this.#groups[group]!.free.push(buffer);
  }

  protected override answer(request: Request): [result: number, flags: number] {
    const { opcode, length } = request;
    const { random } = this;
    if (request.cancelled) return [-ERRNO.ECANCELED, 0];
    switch (opcode) {
      case OPCODE.ACCEPT:
        return random.chance(0.1)
          ? [-ERRNO.EMFILE, 0]
          : [this.#accepted++, random.chance(0.8) ? COMPLETE_MORE : 0];
      case OPCODE.RECV:
        return this.#receive(request);
      case OPCODE.SEND:
        return [random.chance(0.1) ? -ERRNO.EPIPE : length - random.below(2), 0];
      case OPCODE.SEND_ZC:
        return request.answers === 0 ? [length, COMPLETE_MORE] : [0, COMPLETE_NOTIFICATION];
      case OPCODE.CONNECT:
        return [random.chance(0.5) ? -ERRNO.ECANCELED : 0, 0];
      case OPCODE.LOOKUP: {
        const answer = new TextEncoder().encode(`10.0.0.${random.below(250)}\n`);
        this.memory.resolve(request.address, request.opFlags)!.set(answer);
        return [answer.length, 0];
      }
      default:
        return super.answer(request);
    }
  }

  #receive(request: Request): [result: number, flags: number] {
    const { random } = this;
    const group = this.#groups[groupOf(request.how)]!;
    if (group.free.length === 0) return [-ERRNO.ENOBUFS, 0];
    const [buffer] = group.free.splice(random.below(group.free.length), 1);
    const used = (buffer! << 16) | COMPLETE_BUFFER;
    // The end of the stream and an error can use up a buffer as well.
    if (random.chance(0.1)) return [random.chance(0.5) ? 0 : -ERRNO.EPIPE, used];
    const size = 1 + random.below(group.bufferBytes);
    const at = group.address + buffer! * group.bufferBytes;
    this.memory.resolve(at, size)!.set(this.content(size));
    const more = random.chance(0.8) ? COMPLETE_MORE : 0;
    return [size, used | more | (random.chance(0.5) ? COMPLETE_NONEMPTY : 0)];
  }
}
