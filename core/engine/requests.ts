/** Ring requests of the running layer: fills in the operation's memory and notes the wait. */
import { OPCODE } from "../backend/contract.ts";
import { GENERATION } from "../descriptor/layout.ts";
import type { RingRequests, Wait } from "../provider/layer.ts";
import type { EngineContext } from "./context.ts";
import type { EngineState } from "./state.ts";

/** Linux moves at most this many bytes in one request (MAX_RW_COUNT). */
const TRANSFER_BYTES_MAX = 0x7ffff000;
const FSYNC_DATASYNC = 1;

export class EngineRequests implements RingRequests {
  readonly #e: EngineState;
  readonly #cx: EngineContext;

  constructor(e: EngineState, cx: EngineContext) {
    this.#e = e;
    this.#cx = cx;
  }

  nop(): Wait {
    return this.request(OPCODE.NOP, -1, 0, 0, 0, 0);
  }

  read(file: number, offset: number, skip = 0, length?: number): Wait {
    return this.#transfer(OPCODE.READ, file, offset, skip, length);
  }

  write(file: number, offset: number, skip = 0, length?: number): Wait {
    return this.#transfer(OPCODE.WRITE, file, offset, skip, length);
  }

  fsync(file: number, dataOnly: boolean): Wait {
    return this.request(OPCODE.FSYNC, file, 0, 0, 0, dataOnly ? FSYNC_DATASYNC : 0);
  }

  splice(
    fromFile: number,
    fromOffset: number,
    toFile: number,
    toOffset: number,
    length: number,
  ): Wait {
    // The request names its second file in the flags' word of the contract: see Ring.prepare.
    return this.request(OPCODE.SPLICE, toFile, fromOffset, length, toOffset, fromFile);
  }

  request(
    opcode: number,
    file: number,
    address: number,
    length: number,
    offset: number,
    opFlags: number,
  ): Wait {
    const ring = this.#e.backend.ring;
    if (ring === undefined) {
      throw new RangeError("Cannot prepare a ring request: only the io_uring backend has a ring");
    }
    const cx = this.#cx;
    const wait = cx.requested(file);
    const generation = this.#e.i32[cx.header + GENERATION]!;
    ring.prepare(opcode, cx.slot, generation, file, address, length, offset, opFlags);
    return wait;
  }

  #transfer(
    opcode: number,
    file: number,
    offset: number,
    skip: number,
    length: number | undefined,
  ): Wait {
    const cx = this.#cx;
    const whole = cx.length;
    if (!(skip >= 0 && skip <= whole)) {
      throw new RangeError(`Cannot transfer after byte ${skip}: the buffer has ${whole}`);
    }
    const count = Math.min(length ?? whole - skip, whole - skip, TRANSFER_BYTES_MAX);
    return this.request(opcode, file, cx.address + skip, count, offset, 0);
  }
}
