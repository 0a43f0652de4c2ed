/**
 * Puts traps in place of the host's functions, and the functions back. Properties of objects are
 * replaced where they are. Named imports of Bun's own modules are bindings that no assignment
 * reaches; the one thing that rebinds them is what Bun's test runner has for mocks, which works in
 * any program and reaches also modules that were loaded before.
 */
import { HOLDERS, TRAPS, type TrapGroup } from "./names.ts";
import { trapOf } from "./trap.ts";

type Properties = Record<string, unknown>;
type Rebind = (specifier: string, exports: () => Properties) => unknown;

/** One property of the host that has a trap in its place. */
interface Patch {
  readonly holder: Properties;
  readonly name: string;
  readonly original: unknown;
  readonly trap: unknown;
  /** The module whose named export it is as well. */
  readonly module: string | undefined;
}

/** Puts every trap in place. @returns what {@link restore} needs */
export function install(): readonly Patch[] {
  const patches = TRAPS.flatMap(patchesOf);
  for (const { holder, name, trap } of patches) holder[name] = trap;
  rebind(patches, ({ trap }) => trap);
  return patches;
}

/** Puts the host's functions back. */
export function restore(patches: readonly Patch[]): void {
  for (const { holder, name, original } of patches) holder[name] = original;
  rebind(patches, ({ original }) => original);
}

function patchesOf(group: TrapGroup): Patch[] {
  const find = HOLDERS[group.on];
  const module = find === undefined ? group.on : undefined;
  const holder = (find?.() ?? import.meta.require(group.on)) as Properties;
  const names = group.names === "all" ? functionsOf(holder) : group.names;
  const called = (name: string): string =>
    group.on === "globalThis" ? name : `${group.on.replace(/\.prototype$/, "")}.${name}`;
  const patches = names
    .filter((name) => typeof holder[name] === "function")
    .map((name) => {
      const original = holder[name] as object;
      return { holder, name, original, trap: trapOf(original, called(name), group), module };
    });
  if (group.fact !== "date") return patches;
  // What a date is made of leads back to the trap, not around it.
  const prototype = Date.prototype as unknown as Properties;
  return [...patches, { ...patches[0]!, holder: prototype, name: "constructor" }];
}

/** A module's functions; what begins with a capital is a class of values. */
function functionsOf(holder: Properties): string[] {
  return Object.keys(holder).filter(
    (name) => /^[a-z]/.test(name) && typeof holder[name] === "function",
  );
}

function rebind(patches: readonly Patch[], choose: (patch: Patch) => unknown): void {
  const exportsOf = new Map<string, Properties>();
  for (const patch of patches) {
    if (patch.module === undefined) continue;
    const exports = exportsOf.get(patch.module) ?? {};
    exports[patch.name] = choose(patch);
    exportsOf.set(patch.module, exports);
  }
  const { mock } = import.meta.require("bun:test") as { mock: { module: Rebind } };
  for (const [specifier, exports] of exportsOf) mock.module(specifier, () => exports);
}
