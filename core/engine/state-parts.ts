/**
 * The engine's state in parts that a session can check and keep: what is in flight, who waits for
 * what, open ends, deliveries, and each provider. Equal runs have equal parts at equal events.
 *
 * Left out is what differs between equal runs or follows from the rest: buffers that the kernel may
 * be filling, the machine's memory, and what the session was put together from.
 */
import type { StatePart } from "../session/tap.ts";
import { encodeBlob } from "../state/blob.ts";
import { ENGINE_STATE_VERSION } from "./snapshot.ts";
import { encodeDelivery } from "./snapshot/delivery-part.ts";
import { encodeEnds, encodeLists } from "./snapshot/lists-part.ts";
import { encodeProvider } from "./snapshot/provider-part.ts";
import { encodeTable } from "./snapshot/table-part.ts";
import type { EngineState } from "./state.ts";

/** The engine's own parts of a state; those of the providers follow. */
export const ENGINE_PARTS = [
  "engine.table",
  "engine.lists",
  "engine.ends",
  "engine.delivery",
] as const;

/**
 * The parts, in an order that depends on the providers alone. To be called between turns.
 *
 * A provider that cannot be saved at the moment is an empty part.
 */
export function stateParts(e: EngineState): StatePart[] {
  // A driver on io_uring asks the kernel for what it does not know, which is not the session's.
  const isMachine = e.backend.machine !== undefined;
  const version = ENGINE_STATE_VERSION;
  const encoded = [encodeTable(e), encodeLists(e), encodeEnds(e), encodeDelivery(e)];
  const parts: StatePart[] = encoded.map((bytes, at) => {
    return { name: ENGINE_PARTS[at]!, version, bytes };
  });
  for (const entry of e.providers) {
    const { kind, stateVersion } = entry.provider;
    let bytes: Uint8Array;
    try {
      bytes = encodeProvider(entry, isMachine);
    } catch {
      bytes = encodeBlob(`provider.${kind}`, stateVersion, new Uint8Array());
    }
    parts.push({ name: `provider.${kind}`, version: stateVersion, bytes });
  }
  return parts;
}
