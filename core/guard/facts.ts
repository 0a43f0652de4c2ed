/**
 * How each fact of the host is read, recorded and given: on io_uring a strict program may ask for
 * the time and for randomness, because the session keeps the answers.
 */
import { CLOCK_NUMBERS, type Facts, type HostFact } from "../session/facts.ts";
import { HOST_CALL } from "../session/event.ts";

/** The host's own function, called as the program called it. */
export type HostCall = (...args: unknown[]) => unknown;

const utf8 = new TextEncoder();
const text = new TextDecoder();

function clock(which: keyof typeof CLOCK_NUMBERS) {
  return (facts: Facts, call: HostCall): number =>
    facts.number(HOST_CALL.HOST_TIME, [CLOCK_NUMBERS[which]], call() as number);
}

function throughBytes<T extends ArrayBufferView>(facts: Facts, filled: T): T {
  facts.bytes(new Uint8Array(filled.buffer, filled.byteOffset, filled.byteLength));
  return filled;
}

type Reader = (facts: Facts, call: HostCall, args: readonly unknown[]) => unknown;

/** Readers by fact. `date` is read where dates are made: see traps.ts. */
export const FACT_READERS: Readonly<Record<Exclude<HostFact, "date">, Reader>> = {
  wallMs: clock("wallMs"),
  performanceMs: clock("performanceMs"),
  hostNs: clock("hostNs"),
  random: (facts, call) => facts.number(HOST_CALL.HOST_RANDOM, [], call() as number),
  filledBytes: (facts, call, args) => throughBytes(facts, call(...args) as Uint8Array),
  newBytes: (facts, call, [size]) => throughBytes(facts, call(size) as Uint8Array),
  uuid(facts, call) {
    const bytes = utf8.encode(call() as string);
    facts.bytes(bytes);
    return text.decode(bytes);
  },
};
