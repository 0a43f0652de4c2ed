/** What the emulated network is like when a runtime starts: part of the provider's settings. */
import { t, type Static } from "../../../core/provider/index.ts";
import { CONDITION_MAX } from "./link.ts";

const hostName = t.String({ description: "Name of a host", minLength: 1, maxLength: 63 });

const whole = (maximum: number, description: string) =>
  t.Optional(t.Integer({ description, minimum: 0, maximum }));
const rate = (description: string) => t.Optional(t.Number({ description, minimum: 0, maximum: 1 }));

const conditions = {
  latencyNs: whole(CONDITION_MAX.latencyNs, "Time from a frame's last bit leaving to its arrival"),
  jitterNs: whole(CONDITION_MAX.jitterNs, "Most that is added to the latency, by chance"),
  bandwidthBytesPerSecond: whole(
    CONDITION_MAX.bandwidthBytesPerSecond,
    "Bytes a second in each direction; 0 for no limit",
  ),
  lossRate: rate("Probability that a frame is lost"),
  reorderRate: rate("Probability that a frame is late, so that those behind it come first"),
  duplicateRate: rate("Probability that a frame comes twice"),
};

/** Properties of the provider's settings that describe the emulated network. */
export const networkSettings = {
  hosts: t.Array(hostName, {
    description: "Hosts by name; the first is 10.0.0.2. Others come into being when mentioned",
    default: [],
  }),
  links: t.Array(
    t.Object(
      { between: t.Tuple([hostName, hostName]), ...conditions },
      { additionalProperties: false },
    ),
    { description: "Conditions between pairs of hosts; both ends alike: a loopback", default: [] },
  ),
  otherLinks: t.Object(conditions, {
    description: "Conditions between all hosts that are not named in links",
    default: {},
    additionalProperties: false,
  }),
};

const schema = t.Object(networkSettings);
/** Settings as the driver gets them. */
export type NetworkSettings = Partial<Static<typeof schema>>;
