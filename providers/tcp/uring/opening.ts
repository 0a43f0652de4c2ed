/**
 * Opening a socket, as an operation: names are resolved first, then the socket is made, and a
 * client tries one address after the other, in the resolver's order, until one answers.
 */
import {
  OPCODE,
  layer,
  struct,
  u32,
  u8,
  type LayerContext,
  type Wait,
} from "../../../core/provider/index.ts";
import { timedOut } from "../waiting.ts";
import { familyOf } from "./address.ts";
import { errorNumber } from "./errors.ts";
import { ANSWER_BYTES, type Attempt, type Openings } from "./openings.ts";

const PHASE_RESOLVE_HOST = 0;
const PHASE_RESOLVE_FROM = 1;
const PHASE_ATTEMPT = 2;

/** Asks the resolver about a name. */
function resolve(attempt: Attempt, name: string, run: LayerContext): Wait {
  const { bytes, address } = attempt.scratch;
  const { written } = new TextEncoder().encodeInto(name, bytes.subarray(0, ANSWER_BYTES));
  return run.ring.request(OPCODE.LOOKUP, -1, address, written, 0, ANSWER_BYTES);
}

function answer(attempt: Attempt, result: number): string[] {
  return new TextDecoder().decode(attempt.scratch.bytes.slice(0, result)).split("\n");
}

/** Finds the addresses, one name in each phase. */
function findAddresses(phase: number, attempt: Attempt, run: LayerContext): Wait {
  const { from, host, path, role } = attempt.options;
  if (phase === PHASE_RESOLVE_HOST) {
    if (role === "adopt" || path !== "") return run.ready(0);
    if (familyOf(host) === undefined) return resolve(attempt, host, run);
    attempt.hosts = [host];
    return run.ready(0);
  }
  attempt.from = from;
  return from === "" || familyOf(from) !== undefined ? run.ready(0) : resolve(attempt, from, run);
}

/** Begins to connect to one of the addresses. */
function connect(openings: Openings, attempt: Attempt, index: number, run: LayerContext): Wait {
  try {
    const length = openings.prepare(attempt, index);
    const address = attempt.scratch.address + ANSWER_BYTES;
    const wait = run.ring.request(OPCODE.CONNECT, attempt.file, address, 0, length, 0);
    const { connectTimeoutNs } = attempt.options;
    return connectTimeoutNs > 0 ? run.ring.limit(wait, connectTimeoutNs) : wait;
  } catch (error) {
    return run.ready(-errorNumber(error));
  }
}

export function opening(openings: Openings) {
  return layer({
    name: "tcp.open",
    frame: struct({ phase: u8, index: u32 }),
    wait(frame, run) {
      const attempt = openings.at(run.resource);
      if (frame.phase !== PHASE_ATTEMPT) return findAddresses(frame.phase, attempt, run);
      if (attempt.options.role !== "connect") return run.ready(0);
      return connect(openings, attempt, frame.index, run);
    },
    complete(frame, run, result) {
      const attempt = openings.at(run.resource);
      if (frame.phase === PHASE_RESOLVE_HOST) {
        if (result < 0) return run.fail(-result);
        if (result > 0) attempt.hosts = answer(attempt, result);
        frame.phase = PHASE_RESOLVE_FROM;
        return run.again();
      }
      if (frame.phase === PHASE_RESOLVE_FROM) {
        if (result < 0) return run.fail(-result);
        if (result > 0) attempt.from = answer(attempt, result)[0]!;
        frame.phase = PHASE_ATTEMPT;
        return run.again();
      }
      if (result < 0) {
        openings.forgetFile(attempt);
        frame.index++;
        if (frame.index < attempt.hosts.length) return run.again();
        return run.fail(timedOut(result));
      }
      try {
        openings.finish(run.resource);
        return run.done(0);
      } catch (error) {
        return run.fail(errorNumber(error));
      }
    },
  });
}
