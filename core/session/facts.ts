/**
 * Facts of the host that a program reads outside the door: the time, randomness. Where a session is
 * recorded each becomes a host call of its own, and a replay gives the recorded value again.
 */
import { ReelError } from "../errors.ts";
import { corrupt } from "./cursor.ts";
import { HOST_CALL } from "./event.ts";
import type { Tap } from "./tap.ts";
import type { Verifier } from "./verifier.ts";

/** What a fact is, and by that how it is read: see core/guard/facts.ts. */
export type HostFact =
  "date" | "wallMs" | "performanceMs" | "hostNs" | "random" | "uuid" | "newBytes" | "filledBytes";

/** Whole numbers from 0: the arguments by which recordings tell the clocks apart. */
export const CLOCK_NUMBERS = { wallMs: 0, performanceMs: 1, hostNs: 2 } as const;

export interface Facts {
  /**
   * A number that the host gave.
   * @param call one of HOST_CALL
   * @returns that number; on replay the recorded one
   * @throws {DivergenceError} when the program read something else here
   */
  number(call: number, args: readonly number[], value: number): number;
  /** Bytes that the host gave. On replay they are overwritten with the recorded ones. */
  bytes(bytes: Uint8Array): void;
}

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);

/** A whole number as it is; any other as the two halves of its 64 bits. */
function numbersOf(value: number): readonly number[] {
  if (Number.isSafeInteger(value)) return [0, value];
  double[0] = value;
  return [0, halves[0]!, halves[1]!];
}

function valueOf([, first = 0, second]: readonly number[]): number {
  if (second === undefined) return first;
  halves[0] = first;
  halves[1] = second;
  return double[0]!;
}

/** Facts that nobody keeps. */
export const HOST_FACTS: Facts = {
  number: (_call, _args, value) => value,
  bytes() {},
};

/** Facts that are written down. */
export function recordedFacts(tap: Tap): Facts {
  return {
    number(call, args, value) {
      tap.host(call, args, numbersOf(value), undefined);
      return value;
    },
    bytes(bytes) {
      tap.host(HOST_CALL.HOST_BYTES, [bytes.length], [0], bytes);
    },
  };
}

/** Facts that come out of a recording. */
export function replayedFacts(verifier: Verifier): Facts {
  const answer = (call: number, args: readonly number[]) => {
    const found = verifier.answerHost(call, args);
    if (found !== undefined) return found;
    throw new ReelError("ECANCELED", "Cannot ask the host: the replay has diverged");
  };
  return {
    number(call, args) {
      const { results } = answer(call, args);
      if (results.length < 2 || results.length > 3) corrupt(`a fact has ${results.length} numbers`);
      return valueOf(results);
    },
    bytes(bytes) {
      const found = answer(HOST_CALL.HOST_BYTES, [bytes.length]).bytes;
      if (found?.length !== bytes.length) {
        corrupt(`a fact has ${found?.length ?? "no"} bytes, wanted ${bytes.length}`);
      }
      bytes.set(found!);
    },
  };
}
