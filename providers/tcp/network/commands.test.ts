/** Commands to the network, names and addresses: what is understood, and what is not. */
import { describe, expect, test } from "bun:test";
import { ReelError } from "../../../core/errors.ts";
import { BareMachine } from "../bare-machine.fixture.ts";
import { carryOut, parseCommand } from "./commands.ts";
import { HOSTS_MAX, LOCAL_HOST } from "./frame.ts";
import { Hosts, NOT_FOUND, TOO_MANY_HOSTS, UNREACHABLE } from "./hosts.ts";
import { Wire } from "./wire.ts";

function failure(act: () => unknown): ReelError {
  try {
    act();
  } catch (error) {
    if (error instanceof ReelError) return error;
    throw error;
  }
  throw new Error("Nothing was thrown");
}

describe("parseCommand()", () => {
  test("reads every verb, with hosts by name or address and conditions by name", () => {
    expect(parseCommand(" partition  alice 10.0.0.3 ")).toEqual({
      verb: "partition",
      hosts: ["alice", "10.0.0.3"],
      conditions: {},
    });
    expect(parseCommand("heal").hosts).toEqual([]);
    expect(parseCommand("host db-1.example").hosts).toEqual(["db-1.example"]);
    const { conditions } = parseCommand("link a b latencyNs=10000000 lossRate=0.25 jitterNs=0");
    expect(conditions).toEqual({ latencyNs: 10_000_000, lossRate: 0.25, jitterNs: 0 });
  });

  test.each([
    ["", 'the verb ""'],
    ["partitoin a b", 'the verb "partitoin", wanted one of partition'],
    ["partition a", "1 hosts, wanted 2"],
    ["heal a", "1 hosts, wanted none or 2"],
    ["clog a b c", "3 hosts, wanted 2"],
    ["host two words", "2 hosts, wanted 1"],
    ["host _", 'the host "_"'],
    ["host nowhere.invalid", 'the host "nowhere.invalid"'],
    ["clog a b lossRate=1", "lossRate=1, wanted hosts only"],
    ["link a b speed=3", 'the condition "speed", wanted one of latencyNs'],
    ["link a b lossRate=1.01", "lossRate=1.01, wanted a number from 0 to 1"],
    ["link a b lossRate=", "lossRate=, wanted a number"],
    ["link a b latencyNs=1.5", "latencyNs=1.5, wanted a whole number from 0 to"],
    ["link a b jitterNs=-1", "jitterNs=-1, wanted a whole number"],
  ])("refuses %p with EINVAL, saying what is wrong with it", (line, words) => {
    const error = failure(() => parseCommand(line));
    expect(error.code).toBe("EINVAL");
    expect(error.message).toContain(words);
    expect(error.mend).toBeDefined();
  });
});

describe("carryOut()", () => {
  test("says EHOSTUNREACH for an address that nobody has, and ERR_LIMIT beyond 254 hosts", () => {
    const wire = new Wire(new BareMachine(), () => {});
    const act = (line: string) => failure(() => carryOut(parseCommand(line), wire)).code;
    expect(act("partition 10.0.0.9 local")).toBe("EHOSTUNREACH");
    for (let i = wire.hosts.count; i < HOSTS_MAX; i++) carryOut(parseCommand(`host h${i}`), wire);
    expect(wire.hosts.count).toBe(HOSTS_MAX);
    expect(act("host one-more")).toBe("ERR_LIMIT");
  });

  test("changes the conditions that are named and leaves the others as they are", () => {
    const wire = new Wire(new BareMachine(), () => {});
    carryOut(parseCommand("link a b latencyNs=5 lossRate=0.5"), wire);
    carryOut(parseCommand("link b a lossRate=0"), wire);
    const { conditions } = wire.linkBetween(2, 3);
    expect([conditions.latencyNs, conditions.lossRate]).toEqual([5, 0]);
    expect(wire.links.length).toBe(1);
  });
});

describe("Hosts", () => {
  test("resolve() gives the address that each spelling means, as format() writes it", () => {
    const hosts = new Hosts();
    const bob = hosts.numberOf("Bob");
    const spellings = {
      localhost: "127.0.0.1",
      "127.9.9.9": "127.0.0.1",
      "::1": "::1",
      "0.0.0.0": "0.0.0.0",
      "": "0.0.0.0",
      "::": "::",
      bob: `10.0.0.${bob}`,
      BOB: `10.0.0.${bob}`,
      [`10.0.0.${bob}`]: `10.0.0.${bob}`,
      [`fd00::${bob}`]: `fd00::${bob}`,
      local: "10.0.0.1",
    };
    for (const [spelling, address] of Object.entries(spellings)) {
      expect(hosts.format(hosts.resolve(spelling, LOCAL_HOST))).toBe(address);
    }
    expect(hosts.count).toBe(2);
    // A name that nobody has mentioned is a new host.
    expect(hosts.format(hosts.resolve("carol", bob))).toBe("10.0.0.3");
  });

  test("resolve() tells what is unreachable, what is no name, and when there are too many", () => {
    const hosts = new Hosts();
    for (const text of ["10.0.0.77", "8.8.8.8", "fd00::99", "2001:db8::1", "10.0.0.0"]) {
      expect(hosts.resolve(text, LOCAL_HOST)).toBe(UNREACHABLE);
    }
    for (const text of ["no.such.invalid", "under score", "-", "x".repeat(70)]) {
      expect(hosts.resolve(text, LOCAL_HOST)).toBe(NOT_FOUND);
    }
    while (hosts.count < HOSTS_MAX) hosts.numberOf(`h${hosts.count}`);
    expect(hosts.resolve("one-more", LOCAL_HOST)).toBe(TOO_MANY_HOSTS);
    expect(hosts.format(hosts.resolve("fd00::fe", LOCAL_HOST))).toBe("fd00::fe");
  });
});
