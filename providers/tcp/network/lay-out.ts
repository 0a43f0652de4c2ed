/** Brings the hosts and links of the settings into being. */
import { ReelError } from "../../../core/provider/index.ts";
import { isHostName } from "./hosts.ts";
import { CONDITION_NAMES, type LinkConditions } from "./link.ts";
import type { NetworkSettings } from "./settings.ts";
import type { Wire } from "./wire.ts";

/** @throws {ReelError} EINVAL for a name that no host can have, ERR_LIMIT for too many hosts */
export function layOut(wire: Wire, settings: NetworkSettings | undefined): void {
  const { hosts = [], links = [], otherLinks = {} } = settings ?? {};
  Object.assign(wire.otherLinks, conditionsOf(otherLinks));
  for (const name of hosts) hostNumber(wire, name);
  for (const link of links) {
    const [a, b] = link.between.map((name) => hostNumber(wire, name)) as [number, number];
    Object.assign(wire.linkBetween(a, b).conditions, conditionsOf(link));
  }
}

function conditionsOf(given: Partial<LinkConditions>): Partial<LinkConditions> {
  const named = CONDITION_NAMES.filter((name) => given[name] !== undefined);
  return Object.fromEntries(named.map((name) => [name, given[name]]));
}

function hostNumber(wire: Wire, name: string): number {
  const number = isHostName(name) ? wire.hosts.numberOf(name) : -1;
  if (number > 0) return number;
  const many = number === 0;
  const what = many ? "there are too many hosts" : "found a name that no host can have";
  throw new ReelError(many ? "ERR_LIMIT" : "EINVAL", `Cannot lay out host "${name}": ${what}`, {
    mend: "Name hosts by letters, digits, dots and dashes; localhost is each host's own",
  });
}
