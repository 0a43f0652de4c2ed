/** Handing an operation over to another layer, for drivers of more than one kind of device. */
import { bool, type Layer, type LayerContext, type Move } from "../../core/provider/index.ts";

/** Part of the frame of an operation that may be handed over. */
export const handedShape = { handed: bool } as const;

/** Lets another layer do the operation, and ends with what that comes to. */
export function handOver(
  frame: { handed: boolean },
  run: LayerContext,
  result: number,
  to: Layer,
): Move {
  if (frame.handed) return result < 0 ? run.fail(-result) : run.done(0);
  frame.handed = true;
  return run.call(to);
}
