/** The names that stand for numbers in predicates: kinds, opcodes, calls, errors, operations. */
import { OPCODE } from "../../../backend/contract.ts";
import { ERRNO, REEL_ERROR_NUMBERS } from "../../../errors.ts";
import { EVENT, HOST_CALL_NAMES } from "../../event.ts";
import { actionOf } from "../../export/operation.ts";
import type { FieldType } from "./fields.ts";

/** What the numbers of a recording mean. */
export interface PredicateNames {
  /** Kinds of its providers, by index. */
  readonly providers: readonly string[];
  /** Names of the operations of a kind of provider, by number. */
  readonly operations: (kind: string) => readonly string[];
}

/** Numbers of the operations that engine and provider start by themselves. */
const BESIDES: readonly (readonly [number, string])[] = [
  [254, "service"],
  [255, "setup"],
];
/** Operations of one provider: more than a number of an operation can be. */
const OPERATIONS = 256;
/** Puts a ring's opcodes below every code of a provider's operation. */
const RING = 0x10000;

const kindNames = new Map(Object.entries(EVENT).map(([name, kind]) => [name.toLowerCase(), kind]));
const callNames = new Map(HOST_CALL_NAMES.map((name, call) => [name as string, call]));
/** Errors by name, as results. */
export const RESULT_NAMES: ReadonlyMap<string, number> = new Map(
  [...Object.entries(ERRNO), ...Object.entries(REEL_ERROR_NUMBERS)].map(([name, number]) => [
    name as string,
    -number,
  ]),
);
/** Names of numbers, by the type of the field. */
export const NAMES: Partial<Record<FieldType, ReadonlyMap<string, number>>> = {
  kind: kindNames,
  opcode: new Map<string, number>(Object.entries(OPCODE)),
  call: callNames,
};
/** What is wanted for a field, in words. */
export const NOUNS: Partial<Record<FieldType, string>> = {
  kind: "a kind of event",
  opcode: "an opcode",
  call: "a host call",
  provider: "a provider of this recording",
  result: "a number or an error",
};

/** One number for an operation of a provider, or of a ring, whose provider is NaN. */
export function operationCode(provider: number, operation: number): number {
  return Number.isNaN(provider) ? operation - RING : provider * OPERATIONS + operation;
}

/** The codes of all operations by name: several providers, and the ring, may have one of a name. */
export function operationCodes(names: PredicateNames): ReadonlyMap<string, ReadonlySet<number>> {
  const known = new Map<string, Set<number>>();
  const add = (name: string, code: number): void => {
    const codes = known.get(name);
    if (codes === undefined) known.set(name, new Set([code]));
    else codes.add(code);
  };
  for (const opcode of Object.values(OPCODE)) {
    add(actionOf(opcode), operationCode(Number.NaN, opcode));
  }
  for (const [index, kind] of names.providers.entries()) {
    for (const [number, name] of [...names.operations(kind).entries(), ...BESIDES]) {
      add(name, operationCode(index, number));
    }
  }
  return known;
}

/** The name of a provider's operation, or its number in words. */
export function nameOperation(names: PredicateNames, kind: string, operation: number): string {
  const besides = BESIDES.find(([number]) => number === operation)?.[1];
  return besides ?? names.operations(kind)[operation] ?? `operation ${operation}`;
}
