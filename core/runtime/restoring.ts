/** Puts a snapshot into a runtime: the engine's part, then what the runtime knows of it. */
import { END_CLOSING, END_OPEN } from "../descriptor/ends.ts";
import { END, FREE, HEADER_SHIFT, OPERATION, STATE } from "../descriptor/layout.ts";
import { SLOTS_MAX } from "../descriptor/table.ts";
import { restoreEngine } from "../engine/snapshot.ts";
import { isService } from "../engine/services.ts";
import { UNNAMED_OPERATION, type Settler } from "../engine/state.ts";
import type { RuntimeCore } from "./core.ts";
import type { OpenEnd } from "./open-end.ts";
import { closeForgotten } from "./wiring.ts";

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
    const header = slot << HEADER_SHIFT;
    if (i32[header + STATE] === FREE || isService(engine.state, slot)) continue;
    const unnamed = i32[header + OPERATION] === UNNAMED_OPERATION;
    engine.adopt(table.handleOf(slot), unnamed ? goOnOpening(core) : settler, unnamed);
  }
  core.kick();
  const open: OpenEnd[] = [];
  for (const end of ends.all()) {
    const handle = ends.handleOf(end);
    if (ends.state(end) === END_CLOSING) void closeForgotten(core, handle);
    else open.push(core.handed.get(handle));
  }
  return open;
}

/** Hears of a restored opening, as `open()` would have. Closing is begun again by itself. */
function goOnOpening(core: RuntimeCore): Settler {
  const { i32, ends } = core.engine.state;
  return {
    settled(operation, result) {
      const end = i32[((operation % SLOTS_MAX) << HEADER_SHIFT) + END]!;
      if (ends.state(end) !== END_OPEN) return;
      const handle = ends.handleOf(end);
      if (result >= 0) core.engine.services.due.push(handle);
      else void closeForgotten(core, handle);
    },
  };
}
