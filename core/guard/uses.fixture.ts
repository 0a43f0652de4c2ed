/**
 * Every trapped name as a program has it: by its property, and by a named import where there is
 * one. Collected before any trap is in place.
 */
import { isReelError } from "../errors.ts";
import { HOLDERS, TRAPS, type TrapGroup } from "./names.ts";

type Properties = Record<string, unknown>;
type Call = (...args: unknown[]) => unknown;

export interface Use {
  /** `Math.random`, `node:fs.readFileSync`. */
  readonly name: string;
  readonly group: TrapGroup;
  /** Uses it with no arguments, which no host function minds before it is trapped. */
  readonly call: () => unknown;
}

const use = (holder: Properties, name: string) => (): unknown => {
  // A statement behind the call keeps this function on the stack.
  const answer = /^[A-Z]/.test(name)
    ? new (holder[name] as new () => object)()
    : Reflect.apply(holder[name] as Call, holder, []);
  return [answer];
};

async function usesOf(group: TrapGroup): Promise<Use[]> {
  const find = HOLDERS[group.on];
  const holders: Properties[] =
    find === undefined
      ? [import.meta.require(group.on), await import(group.on)]
      : [find() as Properties];
  const functions = (holder: Properties): string[] =>
    Object.keys(holder).filter((name) => typeof holder[name] === "function" && /^[a-z]/.test(name));
  return holders.flatMap((holder) =>
    (group.names === "all" ? functions(holder) : group.names)
      .filter((name) => typeof holder[name] === "function")
      .map((name) => ({ name: `${group.on}.${name}`, group, call: use(holder, name) })),
  );
}

/** Every use of every trapped name. */
export const USES: readonly Use[] = (await Promise.all(TRAPS.map(usesOf))).flat();

/** What came of a use: undefined when nothing held it back. */
export function refusal(call: () => unknown): { code: string; site: string } | undefined {
  try {
    const answer = call();
    if (answer instanceof Promise) answer.catch(() => {});
    return undefined;
  } catch (error) {
    if (!isReelError(error)) return { code: String(error), site: "" };
    return { code: error.code, site: String(error.details["callSite"]) };
  }
}

/** Names that were not refused as they should be, each with what came of it. */
export function escaped(uses: readonly Use[] = USES): string[] {
  return uses.flatMap(({ name, call }) => {
    const found = refusal(call);
    const refused = found?.code === "ERR_NONDETERMINISM" && /\.fixture\.ts:\d+/.test(found.site);
    return refused
      ? []
      : [`${name}: ${found === undefined ? "went through" : `${found.code} ${found.site}`}`];
  });
}
