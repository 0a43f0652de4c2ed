/**
 * The timer's driver on the emulated machine: programs the device's comparator with the nearest
 * deadline, waits for its interrupt, and lets each waiter look whether its own deadline is reached.
 * The waiter whose deadline is not reached yet sets the comparator anew.
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u53,
  type Driver,
  type DriverContext,
} from "../../core/provider/index.ts";
import { TimerDevice } from "./device.ts";
import {
  REG_COMPARE_HIGH,
  REG_COMPARE_LOW,
  REG_STATUS,
  STATUS_ARMED,
  STATUS_FIRED,
  TIMER_BASE,
  TIMER_LENGTH,
  TIMER_LINE,
} from "./registers.ts";
import { COUNT_BYTES, dueAt, takeTicks, timerState } from "./ticks.ts";

const WORD = 2 ** 32;

export function emulatedTimer(cx: DriverContext): Driver<{ intervalNs: number }> {
  const { machine } = cx;
  const device = new TimerDevice(machine.attach("timer", TIMER_LINE));
  const registers = machine.memory;
  registers.register(
    TIMER_BASE,
    TIMER_LENGTH,
    {
      read: (offset) => device.readRegister(offset),
      write: (offset, _width, value) => device.writeRegister(offset, value),
    },
    "timer",
  );
  const timers = cx.records("timer", timerState);

  const readRegister = (register: number): number => registers.read(TIMER_BASE + register, 4);
  const writeRegister = (register: number, value: number): void =>
    registers.write(TIMER_BASE + register, 4, value);

  /** Sets the comparator, unless a nearer deadline stands in it. */
  function program(deadlineNs: number): void {
    if ((readRegister(REG_STATUS) & STATUS_ARMED) !== 0) {
      const set = readRegister(REG_COMPARE_HIGH) * WORD + readRegister(REG_COMPARE_LOW);
      if (set <= deadlineNs) return;
    }
    writeRegister(REG_COMPARE_LOW, deadlineNs % WORD);
    writeRegister(REG_COMPARE_HIGH, Math.floor(deadlineNs / WORD));
  }

  const read = layer({
    name: "timer.read",
    frame: struct({ deadlineNs: u53, begun: bool }),
    wait(frame, run) {
      if (run.length < COUNT_BYTES) return run.ready(-ERRNO.EINVAL);
      if (!frame.begun) {
        frame.deadlineNs = dueAt(timers.at(run.resource), run);
        frame.begun = true;
      }
      if (run.now() >= frame.deadlineNs) return run.ready();
      const wait = run.interrupt(TIMER_LINE);
      program(frame.deadlineNs);
      return wait;
    },
    complete(frame, run, result) {
      if (result < 0) return run.fail(-result);
      // The line stays up until somebody says that the interrupt was seen.
      if ((readRegister(REG_STATUS) & STATUS_FIRED) !== 0) writeRegister(REG_STATUS, STATUS_FIRED);
      if (run.now() < frame.deadlineNs) return run.again();
      takeTicks(timers.at(run.resource), run);
      return run.done(COUNT_BYTES);
    },
  });

  return {
    operations: { read },
    devices: [device],
    open(resource, options) {
      const timer = timers.at(resource);
      timer.startNs = cx.now();
      timer.intervalNs = options.intervalNs;
    },
    release() {},
  };
}
