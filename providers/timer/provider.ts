/**
 * `timer`: reads that complete when their time has come, like timerfd_create(2). Without an
 * interval, each read's offset is its own delay in nanoseconds; with one, reads bring the ticks
 * that have passed. On io_uring all deadlines share one kernel timeout; on the emulated backend a
 * programmable timer raises an interrupt.
 *
 * References: Linux manual page timerfd_create(2).
 */
import { OPCODE, defineProvider, t, type Provider } from "../../core/provider/index.ts";
import { emulatedTimer } from "./emulated.ts";
import { uringTimer } from "./uring.ts";

/** 100 days: longer intervals are mistakes. */
const INTERVAL_NS_MAX = 100 * 86_400 * 1_000_000_000;

const options = t.Object(
  {
    intervalNs: t.Integer({
      description: "Nanoseconds between ticks; 0 for a timer whose reads say how long to wait",
      minimum: 0,
      maximum: INTERVAL_NS_MAX,
      default: 0,
    }),
  },
  { additionalProperties: false },
);

export const timer: Provider<typeof options, "main", "timer"> = defineProvider({
  kind: "timer",
  version: "0.1.0",
  stateVersion: 1,
  summary: "Reads that complete when their time has come",
  options,
  operations: {
    read: {
      direction: "read",
      summary: "Waits for the delay (offset, ns) or the next tick; brings the count as 8 bytes",
    },
  },
  ends: { main: { operations: ["read"] } },
  capabilities: {
    shortTransfers: false,
    cancel: true,
    closedWorld: true,
    timed: true,
    restore: ["uring", "emulated"],
  },
  opcodes: [OPCODE.TIMEOUT, OPCODE.TIMEOUT_REMOVE],
  uring: uringTimer,
  emulated: emulatedTimer,
});

export default timer;
