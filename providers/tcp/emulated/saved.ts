/**
 * The transport's state beside the machine's memory: where in it everything begins, and the paths.
 * What the memory holds is looked through before it is used.
 */
import type { SavedDevice } from "../../../core/provider/index.ts";
import { checkMemory } from "../transport/check.ts";
import { Paths } from "./paths.ts";
import type { Sockets } from "./sockets.ts";

const STATE_VERSION = 1;

export function savedTransport({ transport, paths }: Sockets): SavedDevice {
  return {
    name: "tcp.transport",
    snapshot() {
      const { rootAt } = transport.memory;
      const state = { version: STATE_VERSION, rootAt, paths: paths.capture() };
      return new TextEncoder().encode(JSON.stringify(state));
    },
    restore(bytes) {
      const state = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown> | null;
      const { version, rootAt, paths: names } = state ?? {};
      if (version !== STATE_VERSION || !Paths.accepts(names)) {
        throw new RangeError(`Cannot restore the transport: found version ${String(version)}`);
      }
      const before = transport.memory.rootAt;
      transport.memory.adopt(0);
      try {
        if (rootAt !== 0) checkMemory(transport, rootAt);
      } catch (error) {
        transport.memory.adopt(before);
        throw error;
      }
      paths.apply(names);
    },
  };
}
