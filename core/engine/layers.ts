/** Numbers the layers of a session, and makes the calls by which the engine runs each. */
import { HEADER_SHIFT, LAYER } from "../descriptor/layout.ts";
import type { Layer } from "../provider/layer.ts";
import type { StructShape, View } from "../state/struct.ts";
import type { EngineState, FrameCall, LayerEntry } from "./state.ts";

/**
 * The function that points a layer's view at a frame and calls the layer.
 *
 * It is compiled for each layer, because views of different layouts are of different classes: one
 * shared function would make every store to `$base` and every call of a layer a lookup.
 */
function frameCall(view: View<StructShape>, run: Layer["wait"] | Layer["complete"]): FrameCall {
  const source =
    "return function runFrame(base, cx, result) {" +
    " view.$base = base; return run(view, cx, result); };";
  return new Function("view", "run", source)(view, run) as FrameCall;
}

/** Gives a layer its number in the session, once. @returns the number */
export function numberLayer(e: EngineState, provider: number, layer: Layer): number {
  const known = e.layerNumbers.get(layer);
  if (known !== undefined) return known;
  const number = e.layers.length;
  const view = layer.frame.view(e.table.slab, layer.name);
  e.layers.push({
    number,
    layer,
    wait: frameCall(view, layer.wait),
    complete: frameCall(view, layer.complete),
    frameBytes: layer.frame.sizeBytes,
    fieldNames: new Set(layer.frame.fields.map((field) => field.name)),
    view,
    pushView: layer.frame.view(e.table.slab, layer.name),
    provider,
  });
  e.layerNumbers.set(layer, number);
  return number;
}

/** The entry of a layer that another one names. @throws {RangeError} when it is not registered */
export function requireLayer(e: EngineState, layer: Layer): LayerEntry {
  const number = e.layerNumbers.get(layer);
  if (number !== undefined) return e.layers[number]!;
  throw new RangeError(
    `Cannot run layer ${layer?.name}: list it in the driver's operations or layers`,
  );
}

/**
 * Pushes a frame and fills it in.
 * @param frame values of its fields; the rest is zero
 * @returns false when the operation is too deep
 * @throws {RangeError} for a field that the frame does not have, or a value that it cannot hold
 */
export function pushFrame(
  e: EngineState,
  slot: number,
  entry: LayerEntry,
  frame: object | undefined,
): boolean {
  const { layer, pushView } = entry;
  const running = e.layers[e.i32[(slot << HEADER_SHIFT) + LAYER]!]!;
  const base = e.stacks.push(slot, entry.number, entry.frameBytes, running.frameBytes);
  if (base === 0) return false;
  if (frame === undefined) return true;
  pushView.$base = base;
  for (const name in frame) {
    if (!entry.fieldNames.has(name)) {
      const names = [...entry.fieldNames].join(", ");
      throw new RangeError(`Cannot push ${layer.name}: its frame has no ${name}, only ${names}`);
    }
    pushView[name] = (frame as Record<string, unknown>)[name] as never;
  }
  return true;
}
