/**
 * What a trapped name does when it is called: the host's own work while the host's code runs; while
 * guest code runs, a recorded answer where there can be one, else an error that names the caller.
 */
import { ReelError } from "../errors.ts";
import { findCallSite } from "../session/call-site.ts";
import { CLOCK_NUMBERS, type Facts } from "../session/facts.ts";
import { HOST_CALL } from "../session/event.ts";
import { FACT_READERS, type HostCall } from "./facts.ts";
import { currentGuest, runAs, type Guest } from "./guest.ts";
import type { TrapGroup } from "./names.ts";
import { isOfHouse, noteRead, siteOf } from "./sites.ts";

type Callable = (...args: unknown[]) => unknown;
type Constructable = new (...args: unknown[]) => object;

/** The host's function or class behind a trap that has the same properties. */
export function trapOf<T extends object>(original: T, name: string, group: TrapGroup): T {
  if (group.fact === "date") return dateTrap(original, name, group);
  const { fact } = group;
  return new Proxy(original, {
    apply(target, self, args) {
      const call: HostCall = (...words) => Reflect.apply(target as Callable, self, words);
      const guest = currentGuest();
      if (guest === undefined) return call(...args);
      // An answer that comes by a callback comes at a time that nobody records.
      const answersAtOnce = typeof args.at(-1) !== "function";
      const { facts } = guest;
      if (fact !== undefined && facts !== undefined && answersAtOnce) {
        // What writes it down is the house's own.
        return runAs(undefined, () => FACT_READERS[fact](facts, call, args));
      }
      refuse(guest, name, "call", group);
      return call(...args);
    },
    construct(target, args, newTarget) {
      const guest = currentGuest();
      if (guest !== undefined) refuse(guest, name, "construct", group);
      return Reflect.construct(target as Constructable, args, newTarget);
    },
  });
}

/** Dates of a given time are like any other value; only the present is a fact of the host. */
function dateTrap<T extends object>(original: T, name: string, group: TrapGroup): T {
  const read = (guest: Guest, how: "call" | "construct"): number => {
    const { facts } = guest;
    if (facts === undefined) refuse(guest, name, how, group);
    const ms = new (original as unknown as DateConstructor)().getTime();
    return facts === undefined ? ms : wallMs(facts, ms);
  };
  return new Proxy(original, {
    apply(target, self, args) {
      const guest = currentGuest();
      if (guest === undefined) return Reflect.apply(target as Callable, self, args);
      return new (original as unknown as DateConstructor)(read(guest, "call")).toString();
    },
    construct(target, args, newTarget) {
      const guest = currentGuest();
      const given = guest === undefined || args.length > 0 ? args : [read(guest, "construct")];
      return Reflect.construct(target as Constructable, given, newTarget);
    },
  });
}

function wallMs(facts: Facts, ms: number): number {
  return runAs(undefined, () => facts.number(HOST_CALL.HOST_TIME, [CLOCK_NUMBERS.wallMs], ms));
}

/** A trapped property is read: where, if that is by guest code and will matter. */
export function trapRead(name: string, { fact }: TrapGroup): void {
  const guest = currentGuest();
  if (guest !== undefined && (fact === undefined || guest.facts === undefined)) noteRead(name);
}

/**
 * Ends a call that a replay could not repeat. What the house's own files ask of the host while
 * guest code has called them is theirs to answer for, and passes.
 * @throws {ReelError} ERR_NONDETERMINISM
 */
function refuse(guest: Guest, name: string, how: "call" | "construct", group: TrapGroup): void {
  const here = siteOf(name);
  if (isOfHouse(here)) return;
  const { use } = group;
  const what = how === "call" ? `${name}()` : `new ${name}()`;
  const site = findCallSite(here) ?? guest.who() ?? "a provider";
  throw new ReelError(
    "ERR_NONDETERMINISM",
    `Cannot call ${what} in a strict run: a replay cannot repeat it: found in ${site}`,
    { mend: `Use ${use}`, details: { name: what, callSite: site, use } },
  );
}
