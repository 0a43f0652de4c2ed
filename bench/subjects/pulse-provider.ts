/**
 * `pulse`: a provider on the emulated machine that is as small as a real one can be. Its driver
 * writes a register, its device raises an interrupt a little later, and its layer waits for that.
 */
import {
  NO_OPTIONS,
  bool,
  defineProvider,
  layer,
  struct,
  type Driver,
  type DriverContext,
} from "../../core/provider/index.ts";

/** Where the device's one register lies among the machine's ports, and its interrupt line. */
const PORT = 0x170;
const LINE = 15;
const DELAY_NS = 100;

function emulatedPulse(cx: DriverContext): Driver {
  const { machine } = cx;
  const host = machine.attach("pulse", LINE, { trigger: "edge" });
  const timer = host.timer("pulse", () => {
    host.interrupt(true);
    host.interrupt(false);
  });
  const register = { read: () => 0, write: () => timer.after(DELAY_NS) };
  machine.ports.register(PORT, 1, register, "pulse");
  const gate = cx.lock();

  const beat = layer({
    name: "pulse.beat",
    frame: struct({}),
    wait(_frame, run) {
      const wait = run.interrupt(LINE);
      machine.ports.write(PORT, 1, 1);
      return wait;
    },
    complete: (_frame, run, result) => (result < 0 ? run.fail(-result) : run.done(0)),
  });

  const lockedBeat = layer({
    name: "pulse.locked-beat",
    frame: struct({ locked: bool }),
    wait(frame, run) {
      if (!frame.locked) return run.lock(gate);
      const wait = run.interrupt(LINE);
      machine.ports.write(PORT, 1, 1);
      return wait;
    },
    complete(frame, run, result) {
      if (result < 0) return run.fail(-result);
      if (frame.locked) return run.done(0);
      frame.locked = true;
      return run.again();
    },
  });

  return { operations: { beat, lockedBeat }, open() {}, release() {} };
}

export const pulse = defineProvider({
  kind: "pulse",
  version: "1.0.0",
  stateVersion: 1,
  summary: "One interrupt an operation",
  options: NO_OPTIONS,
  operations: {
    beat: { direction: "none", summary: "Waits for one interrupt" },
    lockedBeat: { direction: "none", summary: "Takes a lock, then waits for one interrupt" },
  },
  ends: { main: { operations: ["beat", "lockedBeat"] } },
  capabilities: { shortTransfers: false, cancel: true, restore: ["emulated"] },
  emulated: emulatedPulse,
});
