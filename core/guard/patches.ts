/**
 * Puts traps in place of the host's functions, and the functions back. Properties of objects are
 * replaced where they are. Named imports of Bun's own modules are bindings that no assignment
 * reaches; the one thing that rebinds them is what Bun's test runner has for mocks, which works in
 * any program and reaches also modules that were loaded before.
 */
import { HOLDERS, TRAPS, type TrapGroup } from "./names.ts";
import { trapOf, trapRead } from "./trap.ts";

type Properties = Record<string, unknown>;
type Rebind = (specifier: string, exports: () => Properties) => unknown;

/** One property of the host that has a trap in its place. */
interface Patch {
  readonly holder: Properties;
  readonly name: string;
  readonly original: unknown;
  readonly trap: unknown;
  /** Told of each read of the property. */
  readonly read: () => void;
  /** The property as the host has it; undefined where it is inherited. */
  readonly property: PropertyDescriptor | undefined;
  /** The module whose named export it is as well. */
  readonly module: string | undefined;
}

/** Puts every trap in place. @returns what {@link restore} needs */
export function install(): readonly Patch[] {
  const patches = TRAPS.flatMap(patchesOf);
  for (const patch of patches) replace(patch);
  rebind(patches, ({ trap }) => trap);
  return patches;
}

/** Puts the host's functions back. What the program has put there itself meanwhile stays. */
export function restore(patches: readonly Patch[]): void {
  for (const { holder, name, original, property, trap } of patches) {
    const value = holder[name];
    if (value !== trap) Object.defineProperty(holder, name, { ...property, value });
    else if (property === undefined) delete holder[name];
    else if (property.configurable === true) Object.defineProperty(holder, name, property);
    else holder[name] = original;
  }
  rebind(patches, ({ original }) => original);
}

/** What may be configured tells of its reads, which say where a call comes from. */
function replace({ holder, name, property, read, trap }: Patch): void {
  if (property?.configurable === false) {
    holder[name] = trap;
    return;
  }
  let value = trap;
  Object.defineProperty(holder, name, {
    configurable: true,
    enumerable: property?.enumerable ?? false,
    get() {
      read();
      return value;
    },
    set(other: unknown) {
      value = other;
    },
  });
}

/** Modules as they were first found: one that was rebound may be given anew. */
const modules = new Map<string, Properties>();

function moduleOf(specifier: string): Properties {
  const found = modules.get(specifier) ?? (import.meta.require(specifier) as Properties);
  modules.set(specifier, found);
  return found;
}

function patchesOf(group: TrapGroup): Patch[] {
  const find = HOLDERS[group.on];
  const module = find === undefined ? group.on : undefined;
  const holder = find === undefined ? moduleOf(group.on) : (find() as Properties);
  const names = group.names === "all" ? functionsOf(holder) : group.names;
  const patches = names
    .filter((name) => typeof holder[name] === "function")
    .map((name): Patch => {
      const called = calledName(group.on, name);
      const original = holder[name] as object;
      const property = Object.getOwnPropertyDescriptor(holder, name);
      const read = (): void => trapRead(called, group);
      const trap = trapOf(original, called, group);
      return { holder, name, original, property, trap, read, module };
    });
  return group.fact === "date" ? patches.flatMap(withConstructor) : patches;
}

/** What a date is made of leads back to the trap, not around it. */
function withConstructor(date: Patch): Patch[] {
  const holder = Date.prototype as unknown as Properties;
  const property = Object.getOwnPropertyDescriptor(holder, "constructor");
  return [date, { ...date, holder, name: "constructor", property }];
}

/** `Math.random`, `fetch`, `node:fs.readFileSync`: as a program has it. */
function calledName(on: string, name: string): string {
  return on === "globalThis" ? name : `${on.replace(/\.prototype$/, "")}.${name}`;
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
    // All of the module, its default among it: who imports it later finds what is named here only.
    const whole = moduleOf(patch.module);
    const exports = exportsOf.get(patch.module) ?? { ...whole, default: whole };
    exports[patch.name] = choose(patch);
    exportsOf.set(patch.module, exports);
  }
  const { mock } = import.meta.require("bun:test") as { mock: { module: Rebind } };
  for (const [specifier, exports] of exportsOf) mock.module(specifier, () => exports);
}
