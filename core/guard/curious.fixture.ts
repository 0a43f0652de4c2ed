/** A provider that does at each call of its driver what a test gave it to do. */
import type { Provider } from "../provider/define.ts";
import { defineProvider, layer, NO_OPTIONS, struct, type Driver } from "../provider/index.ts";

/** What the driver does, by the name of the call. */
export type Deeds = Partial<
  Record<"factory" | "open" | "wait" | "complete" | "closeEnd" | "release" | "describe", () => void>
>;

export function curious(deeds: Deeds): Provider {
  const driver = (): Driver => {
    deeds.factory?.();
    const look = layer({
      name: "curious.look",
      frame: struct({}),
      wait(_frame, run) {
        deeds.wait?.();
        return run.after(1000);
      },
      complete(_frame, run) {
        deeds.complete?.();
        return run.done(0);
      },
    });
    return {
      operations: { look },
      open: () => deeds.open?.(),
      closeEnd: () => deeds.closeEnd?.(),
      release: () => deeds.release?.(),
      describe() {
        deeds.describe?.();
        return "curious";
      },
    };
  };
  return defineProvider({
    kind: "curious",
    version: "1.0.0",
    stateVersion: 1,
    summary: "Looks at what it should not",
    options: NO_OPTIONS,
    operations: { look: { direction: "none", summary: "Looks" } },
    ends: { main: { operations: ["look"] } },
    capabilities: { shortTransfers: false, cancel: true, restore: [] },
    uring: driver,
    emulated: driver,
  }) as unknown as Provider;
}
