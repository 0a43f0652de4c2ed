/** What the steps over connections and the emulated network look like. */
import { pathText } from "./issue.ts";
import { CONNECTIONS_MAX, TRANSFER_BYTES_MAX } from "./limits.ts";
import type {
  ResolvedAccept,
  ResolvedConnect,
  ResolvedLink,
  ResolvedNetwork,
  ResolvedStep,
} from "./resolved.ts";
import { defaulted, oneKey, optional, required, shape, type Choices } from "./shape.ts";
import { INVALID, integer, list, name, nanoseconds, rate, size, type Spec } from "./spec.ts";

const pair: Spec<string[]> = list(name("a host"), { minimum: 2, maximum: 2, of: "hosts" });

/** Two hosts, or the word for all of them. */
const pairOrAll: Spec<string[] | "all"> = {
  wanted: "a list of 2 hosts, or all",
  schema: { anyOf: [pair.schema, { const: "all" }] },
  decode(value, path, issues) {
    if (value === "all" || Array.isArray(value)) {
      return value === "all" ? value : pair.decode(value, path, issues);
    }
    issues.wanted(path, this.wanted, value);
    return INVALID;
  },
};

const link: Spec<ResolvedLink> = shape(
  "a mapping such as { between: [a, b], latencyNs: 5ms }",
  {
    between: required(pair, "The two hosts"),
    latencyNs: optional(nanoseconds(), "Time that a frame is on its way"),
    jitterNs: optional(nanoseconds(), "Most that is added to the latency, by chance"),
    bandwidthBytesPerSecond: optional(
      size(0, TRANSFER_BYTES_MAX),
      "Bytes a second in each direction; 0 for no limit",
    ),
    lossRate: optional(rate, "Probability that a frame is lost"),
    reorderRate: optional(rate, "Probability that a frame is late, so that others come first"),
    duplicateRate: optional(rate, "Probability that a frame comes twice"),
  },
  {
    check(out, path, issues) {
      if (Object.keys(out).length > 1) return;
      issues.add(path, `${pathText(path)} says nothing of the link: wanted latencyNs or others`);
    },
  },
);

const network: Spec<ResolvedNetwork> = oneKey<ResolvedNetwork>(
  "a change such as { partition: [a, b] }",
  {
    partition: { spec: pair, about: "Frames between the two hosts are dropped from now on" },
    heal: { spec: pairOrAll, about: "Ends the partition of two hosts, or all of them" },
    clog: { spec: pair, about: "Frames between the two hosts are held back" },
    unclog: { spec: pair, about: "Frames that were held back are let go" },
    link: { spec: link, about: "Sets the conditions between two hosts" },
  },
  "change",
);

const connect: Spec<ResolvedConnect> = shape("a mapping such as { to: server, as: link }", {
  to: required(name("a listener"), 'A device that listens, "host:port" or "unix:/path"'),
  as: required(name("the connection"), "What to call the connection"),
  from: optional(name("a host"), "The local address; on the emulated network, the host"),
  timeoutNs: defaulted(nanoseconds(), 0, "The attempt fails after so long; 0: the system's time"),
});

/** @param block a list of steps */
function acceptSpec(block: Spec<ResolvedStep[]>): Spec<ResolvedAccept> {
  return shape(
    "a mapping such as { from: server, as: client }",
    {
      from: required(name("a listener"), "A device that listens"),
      as: required(name("the connection"), "What to call the connection, and its task"),
      times: optional(
        integer(1, CONNECTIONS_MAX),
        "How many to accept, with `do`; left out: until the listener is closed",
      ),
      do: optional(block, "What a task of its own does with each connection"),
    },
    {
      check(out, path, issues) {
        if (out.times === undefined || out.do !== undefined) return;
        const message = `${pathText(path)}.times belongs to do: found it alone`;
        issues.add([...path, "times"], message, "say with `do` what to do with each connection");
      },
    },
  );
}

type ConnectionChoices = Pick<Choices<ResolvedStep>, "connect" | "accept" | "end" | "network">;

/**
 * The choices of a step.
 * @param block a list of steps
 * @param ends one or several names of ends
 */
export function connectionChoices(
  block: Spec<ResolvedStep[]>,
  ends: Spec<string[]>,
): ConnectionChoices {
  return {
    connect: { spec: connect, about: "Connects to a server" },
    accept: { spec: acceptSpec(block), about: "Accepts a connection, or serves several" },
    end: {
      spec: shape(
        "a connection, or a list of them",
        { ends: required(ends, "What to end") },
        { short: "ends" },
      ),
      about: "Half-close: says that no more will be written",
    },
    network: { spec: network, about: "Changes the emulated network" },
  };
}
