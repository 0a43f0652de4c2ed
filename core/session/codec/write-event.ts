/** Encodes an event that is held as an object: for tools that rewrite recordings, not for runs. */
import { NO_DIGEST } from "../event.ts";
import type { SessionEvent } from "../event.ts";
import type { SegmentEncoder } from "./encoder.ts";
import { TAG } from "./format.ts";

/**
 * Writes one event.
 * @throws {RangeError} for a field outside the format's bounds
 */
export function writeEvent(encoder: SegmentEncoder, event: SessionEvent): void {
  switch (event.kind) {
    case "turn":
      return encoder.turn(event.steps, event.nowNs);
    case "submit": {
      const { slot, opcode, file, length, offset, opFlags, how, digest = NO_DIGEST } = event;
      return encoder.submit(slot, opcode, file, length, offset, opFlags, digest, how);
    }
    case "cancel":
      return encoder.cancel(event.slot);
    case "complete":
      if (event.missing !== undefined) encoder.digested(event.missing);
      return encoder.complete(event.slot, event.result, event.flags, event.bytes);
    case "interrupt":
      return encoder.interrupt(event.line);
    case "expire":
      return encoder.expire(event.nowNs);
    case "input":
      return encoder.input(event.input, event.value);
    case "clock":
      return encoder.clock(event.nowNs);
    case "host":
      if (event.missing !== undefined) encoder.digested(event.missing);
      return encoder.host(event.call, event.args, event.results, event.bytes);
    case "start": {
      const { slot, provider, handle, operation, offset, length, argument } = event;
      const { digest = NO_DIGEST } = event;
      return encoder.start(slot, provider, handle, operation, offset, length, digest, argument);
    }
    case "settle":
      return encoder.settle(event.slot, event.result, event.digest ?? NO_DIGEST);
    case "mark":
      return encoder.text(TAG.MARK, event.text);
    case "end":
      return encoder.text(TAG.END, event.outcome);
    case "state":
      return encoder.state(event.digests);
  }
}
