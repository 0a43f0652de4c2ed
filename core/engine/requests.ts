/** Ring requests of the running layer: fills in the operation's memory and notes the wait. */
import { OPCODE, type Ring } from "../backend/contract.ts";
import { COUNT_TRANSITIONS, WAIT_RING } from "../descriptor/layout.ts";
import type { RingRequests, Wait } from "../provider/layer.ts";
import type { EngineState, RunningContext } from "./state.ts";
import { PHASE_WAIT } from "./tokens.ts";

/** Linux moves at most this many bytes in one request (MAX_RW_COUNT). */
const TRANSFER_BYTES_MAX = 0x7ffff000;
const FSYNC_DATASYNC = 1;

/** Fields are plain for the reason given at `DescriptorTable`. */
export class EngineRequests implements RingRequests {
  readonly cx: RunningContext;
  readonly e: EngineState;
  readonly queue: Ring | undefined;
  /** The call of a layer, by the count of calls, that has limited its request. */
  limited = -1;

  constructor(e: EngineState, cx: RunningContext) {
    this.cx = cx;
    this.e = e;
    this.queue = e.backend.ring;
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
    how = 0,
  ): Wait {
    const { cx, queue } = this;
    // Whoever may not wait here is refused before the kernel hears of it.
    if (queue === undefined || cx.token !== PHASE_WAIT) return this.#refuse();
    queue.prepare(opcode, cx.slot, cx.generation, file, address, length, offset, opFlags, how);
    // The engine notes this wait in the slot: it has the slot at hand.
    cx.token = WAIT_RING;
    cx.value = file;
    return WAIT_RING as Wait;
  }

  limit(wait: Wait, timeoutNs: number): Wait {
    const { cx, e, queue } = this;
    const call = e.f64[e.countersAt + COUNT_TRANSITIONS]!;
    const justMade = (wait as number) === WAIT_RING && cx.token === WAIT_RING;
    if (queue === undefined || !justMade || this.limited === call) {
      throw new RangeError("Cannot limit a request that was not just made");
    }
    if (!(timeoutNs >= 0 && timeoutNs < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`Cannot limit a request to ${timeoutNs} ns: give a number from 0`);
    }
    this.limited = call;
    queue.limit(cx.slot, cx.generation, timeoutNs);
    return wait;
  }

  handOver(): void {
    this.queue?.flush();
  }

  #transfer(
    opcode: number,
    file: number,
    offset: number,
    skip: number,
    length: number | undefined,
  ): Wait {
    const cx = this.cx;
    const whole = cx.length;
    if (!(skip >= 0 && skip <= whole)) {
      throw new RangeError(`Cannot transfer after byte ${skip}: the buffer has ${whole}`);
    }
    const count = Math.min(length ?? whole - skip, whole - skip, TRANSFER_BYTES_MAX);
    return this.request(opcode, file, cx.address + skip, count, offset, 0);
  }

  #refuse(): Wait {
    if (this.queue !== undefined) return this.cx.waits(WAIT_RING, -1);
    throw new RangeError("Cannot prepare a ring request: only the io_uring backend has a ring");
  }
}
