/** Puts a snapshot into a runtime: the engine's part, then what the runtime knows of it. */
import { FREE, HEADER_SHIFT, STATE } from "../descriptor/layout.ts";
import { restoreEngine } from "../engine/snapshot.ts";
import { isService } from "../engine/services.ts";
import type { Settler } from "../engine/state.ts";
import type { RuntimeCore } from "./core.ts";
import type { OpenEnd } from "./open-end.ts";

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
  const { ends, i32, table } = engine.state;
  restoreEngine(engine.state, snapshot);
  for (let slot = 0; slot < table.highWater; slot++) {
    // Services have gone on as they were, and forks belong to their operations.
    const free = i32[(slot << HEADER_SHIFT) + STATE] === FREE;
    if (!free && !isService(engine.state, slot)) engine.adopt(table.handleOf(slot), settler, false);
  }
  core.kick();
  return [...ends.all()].map((end) => core.handed.get(ends.handleOf(end)));
}
