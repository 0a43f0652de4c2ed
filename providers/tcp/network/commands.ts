/**
 * Commands to the emulated network: one line of text each.
 *
 *     partition a b     drops all frames between two hosts
 *     heal [a b]        ends that, for two hosts or for all
 *     clog a b          holds all frames between two hosts back
 *     unclog a b        lets them arrive
 *     host name         brings a host into being
 *     link a b latencyNs=10000000 lossRate=0.01 …
 *                       sets conditions; those that are not named stay as they are
 */
import { ReelError } from "../../../core/provider/index.ts";
import { isHostName } from "./hosts.ts";
import { CONDITION_MAX, CONDITION_NAMES, isCondition, type LinkConditions } from "./link.ts";
import type { Wire } from "./wire.ts";

const VERBS = ["partition", "heal", "clog", "unclog", "host", "link"] as const;
type Verb = (typeof VERBS)[number];
/** Hosts that each command names, at least and at most. */
const HOST_COUNTS: Readonly<Record<Verb, readonly [number, number]>> = {
  partition: [2, 2],
  heal: [0, 2],
  clog: [2, 2],
  unclog: [2, 2],
  host: [1, 1],
  link: [2, 2],
};
/** The longest line: two long names and every condition take a third of it. */
export const COMMAND_BYTES_MAX = 1024;

/** A command that was understood. */
export interface NetworkCommand {
  readonly verb: Verb;
  readonly hosts: readonly string[];
  readonly conditions: Readonly<Partial<LinkConditions>>;
}

function refuse(line: string, found: string, wanted: string): never {
  const text = `Cannot command the network by "${line.slice(0, 200)}": found ${found}`;
  throw new ReelError("EINVAL", `${text}, wanted ${wanted}`, {
    mend: "See the commands in the README of the tcp provider",
    details: { command: line },
  });
}

/**
 * Reads a command.
 * @throws {ReelError} EINVAL naming what is wrong with it
 */
export function parseCommand(line: string): NetworkCommand {
  const [verb = "", ...rest] = line.trim().split(/\s+/);
  if (!(VERBS as readonly string[]).includes(verb)) {
    refuse(line, `the verb "${verb}"`, `one of ${VERBS.join(", ")}`);
  }
  const words = rest.filter((word) => !word.includes("="));
  const assignments = rest.filter((word) => word.includes("="));
  const [least, most] = HOST_COUNTS[verb as Verb];
  if (words.length < least || words.length > most || (verb === "heal" && words.length === 1)) {
    refuse(line, `${words.length} hosts`, verb === "heal" ? "none or 2" : `${most}`);
  }
  const bad = words.find((word) => !isHostName(word) && !isHostAddress(word));
  if (bad !== undefined) refuse(line, `the host "${bad}"`, "a name or an address 10.0.0.n");
  if (assignments.length > 0 && verb !== "link") refuse(line, assignments[0]!, "hosts only");
  const conditions: Partial<LinkConditions> = {};
  for (const assignment of assignments) {
    const at = assignment.indexOf("=");
    const name = assignment.slice(0, at) as keyof LinkConditions;
    const text = assignment.slice(at + 1);
    if (!CONDITION_NAMES.includes(name)) {
      refuse(line, `the condition "${name}"`, `one of ${CONDITION_NAMES.join(", ")}`);
    }
    const value = text === "" ? Number.NaN : Number(text);
    if (!isCondition(name, value)) {
      const whole = name.endsWith("Rate") ? "a number" : "a whole number";
      refuse(line, assignment, `${whole} from 0 to ${CONDITION_MAX[name]}`);
    }
    conditions[name] = value;
  }
  return { verb: verb as Verb, hosts: words, conditions };
}

/**
 * Carries a command out. A host that was not mentioned before comes into being.
 * @throws {ReelError} EINVAL for the same host twice, EHOSTUNREACH for an address that no host has,
 *   ERR_LIMIT for too many hosts; nothing has changed then but hosts that came into being
 */
export function carryOut(command: NetworkCommand, wire: Wire): void {
  const [a = 0, b = 0] = command.hosts.map((text) => hostNumber(text, wire));
  if (a !== 0 && a === b && command.verb !== "link") {
    refuse([command.verb, ...command.hosts].join(" "), "the same host twice", "two hosts");
  }
  switch (command.verb) {
    case "host":
      break;
    case "link":
      Object.assign(wire.linkBetween(a, b).conditions, command.conditions);
      break;
    case "partition":
      wire.linkBetween(a, b).partitioned = true;
      break;
    case "heal":
      for (const link of a === 0 ? wire.links : [wire.linkBetween(a, b)]) link.partitioned = false;
      break;
    default:
      wire.clog(wire.linkBetween(a, b), command.verb === "clog");
      break;
  }
}

function isHostAddress(text: string): boolean {
  return /^10(\.\d{1,3}){3}$|^fd00::[0-9a-f]+$/i.test(text);
}

function hostNumber(text: string, wire: Wire): number {
  const number = wire.hosts.find(text);
  if (number > 0) return number;
  const tooMany = isHostName(text);
  throw new ReelError(
    tooMany ? "ERR_LIMIT" : "EHOSTUNREACH",
    `Cannot find the host "${text}": ${tooMany ? "there are too many" : "nobody has the address"}`,
    { mend: "Name a host of the network" },
  );
}
