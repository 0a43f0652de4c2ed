/** A provider that forks: reads several files at once, as many as its argument says. */
import { layer, type Layer, type Move } from "../provider/layer.ts";
import { u32, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { onRing, providerOf } from "./engine.fixture.ts";

/** What was cancelled, in order; emptied by {@link started}. */
export const log: string[] = [];

export const part = layer({
  name: "raid.part",
  frame: struct({ file: u32 }),
  wait: (frame, cx) => cx.ring.read(frame.file, 0),
  complete: (_frame, cx, result) => (result < 0 ? cx.fail(-result) : cx.done(result)),
  cancel(frame) {
    log.push(`cancel ${frame.file}`);
  },
});

/** Forks as many parts as the argument says, and answers their sum. */
export const stripe = layer({
  name: "raid.stripe",
  frame: struct({ phase: u8 }),
  wait: (_frame, cx) => cx.ready(),
  complete(frame, cx, result): Move {
    if (frame.phase === 1) return result < 0 ? cx.fail(-result) : cx.done(result);
    frame.phase = 1;
    for (let i = 0; i < cx.argument; i++) cx.fork(part, { file: i });
    return cx.join();
  },
}) as unknown as Layer;

export const raid = (body: Layer = stripe, layers: readonly Layer[] = []) =>
  providerOf("raid", ["read"], () => ({
    operations: { read: body },
    layers: [part as unknown as Layer, ...layers],
  }));

export function started(children: number, slots = 64) {
  log.length = 0;
  const t = onRing([raid()], { table: { slots } });
  const buffer = t.pool.owned(4096);
  const slot = t.start(0, { buffer, argument: children, autoRelease: true });
  t.engine.work();
  return { t, buffer, slot };
}
