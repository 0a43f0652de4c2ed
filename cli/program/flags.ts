/** Flags and types that several commands of the tree share. */
import { InvalidArgumentError, Option } from "commander";

/** What a command's body gives back. */
export type Body = (...words: never[]) => Promise<number>;

/** Makes an action of the tree out of a body that is loaded when it runs. */
export type Action = (load: () => Promise<Body>) => (...words: unknown[]) => Promise<void>;

/** A whole number from 0, exact in a JavaScript number. */
export function seedNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("It must be a whole number from 0 to 9007199254740991.");
}

/** A number above 0, such as 0.5 or 10. */
export function speedNumber(text: string): number {
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a number above 0.");
}

export function pathPair(value: string, before: string[]): string[] {
  if (/^[^=]+=./.test(value)) return [...before, value];
  throw new InvalidArgumentError("It must be like FROM=TO.");
}

export const list = (value: string, before: string[]): string[] => [...before, value];

export function keyValue(value: string, before: string[]): string[] {
  if (/^[A-Za-z][\w-]*=/.test(value)) return [...before, value];
  throw new InvalidArgumentError("It must be like name=value.");
}

export function jsonFlag(): Option {
  return new Option("--json", "print one JSON document instead of text");
}
