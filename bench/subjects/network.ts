/** A runtime on the emulated network, and how many segments its device has sent. */
import type { EmulatedBackend } from "../../core/backend/emulated/emulated-backend.ts";
import { startRuntime } from "../../core/runtime/start.ts";
import { tcp } from "../../providers/tcp/provider.ts";
import { NETWORK_BASE, REG_FRAMES_SENT } from "../../providers/tcp/registers.ts";

const REGISTER_BYTES = 4;

/** @param settings of the provider: hosts and links */
export function startNetwork(settings: object) {
  return startRuntime({
    backend: "emulated",
    providers: [tcp],
    seed: 1,
    settings: { tcp: settings },
  });
}

export type NetworkRuntime = Awaited<ReturnType<typeof startNetwork>>;

/** Segments sent so far, acknowledgements and all, modulo 2^32. */
export function segmentsSent(io: NetworkRuntime): number {
  const { machine } = io.engine.state.backend as EmulatedBackend;
  return machine.memory.read(NETWORK_BASE + REG_FRAMES_SENT, REGISTER_BYTES);
}
