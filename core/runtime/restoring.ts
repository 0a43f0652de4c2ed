/** Puts a snapshot into a runtime: the engine's part, then what the runtime knows of it. */
import { FREE, HEADER_SHIFT, STATE } from "../descriptor/layout.ts";
import { restoreEngine } from "../engine/snapshot.ts";
import type { Settler } from "../engine/state.ts";
import type { RuntimeCore } from "./core.ts";
import { OpenEnd } from "./open-end.ts";

/**
 * @param settler hears of the outcomes of restored operations
 * @returns the ends that were open when the snapshot was taken, oldest first
 */
export function restoreRuntime(
  core: RuntimeCore,
  snapshot: Uint8Array,
  settler: Settler,
): readonly OpenEnd[] {
  const { engine } = core;
  const { ends, i32, providers, table } = engine.state;
  restoreEngine(engine.state, snapshot);
  for (let slot = 0; slot < table.slots; slot++) {
    if (i32[(slot << HEADER_SHIFT) + STATE] !== FREE)
      engine.adopt(table.handleOf(slot), settler, false);
  }
  core.kick();
  return [...ends.all()].map((end) => {
    const { provider } = providers[ends.provider(end)]!;
    const name = provider.endNames[ends.kind(end)]!;
    return new OpenEnd(core, ends.handleOf(end), provider.kind, name);
  });
}
