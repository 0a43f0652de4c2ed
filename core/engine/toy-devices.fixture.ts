/**
 * Two small devices for tests, after those of the notes: a disk that is busy for a while after it
 * was started and interrupts when it is not any more, and the driver that waits its turn, starts
 * it, and waits for it. Much simpler than the real thing, and wired to the real machine.
 */
import type { DeviceHost } from "../backend/emulated/device-host.ts";
import type { Machine } from "../backend/emulated/machine.ts";
import { layer, type Layer, type Lock } from "../provider/layer.ts";
import type { DriverContext, SavedDevice } from "../provider/define.ts";
import { oneOf, u32, u8 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import type { TestDriver } from "./engine.fixture.ts";

export const TOY_LINE = 14;
const PORT = 0x1f0;
const REG_COMMAND = 0;
const REG_STATUS = 1;
export const STATUS_BUSY = 0x80;

/** Started by a write to its command register; interrupts early once, while it is still busy. */
export class ToyDisk implements SavedDevice {
  readonly name: string;
  readonly log: string[];
  readonly #host: DeviceHost;
  readonly #early: ReturnType<DeviceHost["timer"]>;
  readonly #ready: ReturnType<DeviceHost["timer"]>;
  #busy = false;
  #value = 0;

  constructor(machine: Machine, name: string, log: string[], busyNs: number) {
    this.name = name;
    this.log = log;
    this.#host = machine.attach(name, TOY_LINE, { trigger: "edge" });
    this.#early = this.#host.timer("early", () => this.#interrupt());
    this.#ready = this.#host.timer("ready", () => {
      this.#busy = false;
      this.#interrupt();
    });
    machine.ports.register(
      PORT,
      2,
      {
        read: (offset) => {
          if (offset !== REG_STATUS) return this.#value;
          this.log.push(this.#busy ? "status busy" : "status ready");
          return this.#busy ? STATUS_BUSY : 0;
        },
        write: (_offset, _width, value) => {
          this.log.push(`start ${value}${this.#busy ? " while busy" : ""}`);
          this.#busy = true;
          this.#value = value;
          this.#early.after(busyNs / 2);
          this.#ready.after(busyNs);
        },
      },
      name,
    );
  }

  snapshot(): Uint8Array {
    return Uint8Array.of(this.#busy ? 1 : 0, this.#value);
  }

  restore(bytes: Uint8Array): void {
    if (bytes.length !== 2) throw new RangeError("Cannot restore the toy disk");
    this.#busy = bytes[0] === 1;
    this.#value = bytes[1]!;
  }

  #interrupt(): void {
    this.log.push("irq");
    this.#host.interrupt(true);
    this.#host.interrupt(false);
  }
}

/** Acquire the lock, start the device, wait until it is not busy, done: the trace of the notes. */
export function toyDriver(cx: DriverContext, log: string[], busyNs = 1000): TestDriver {
  const { machine } = cx;
  const disk = new ToyDisk(machine, `${cx.kind}.disk`, log, busyNs);
  const registers = cx.lock();
  const transfer = layer({
    name: `${cx.kind}.transfer`,
    frame: struct({ phase: oneOf("acquire", "active", "done"), command: u8, irqs: u32 }),
    wait(frame, run) {
      log.push(frame.phase);
      if (frame.phase === "acquire") return run.lock(registers as Lock);
      const wait = run.interrupt(TOY_LINE);
      if (frame.irqs === 0) machine.ports.write(PORT + REG_COMMAND, 1, run.argument & 0xff);
      return wait;
    },
    complete(frame, run) {
      if (frame.phase === "acquire") {
        frame.phase = "active";
        return run.again();
      }
      frame.irqs++;
      if ((machine.ports.read(PORT + REG_STATUS, 1) & STATUS_BUSY) !== 0) return run.again();
      frame.phase = "done";
      log.push("done");
      if (run.length > 0) run.memory[run.memoryAt] = machine.ports.read(PORT + REG_COMMAND, 1);
      return run.done(Math.min(1, run.length));
    },
  }) as unknown as Layer;
  return { operations: { read: transfer }, devices: [disk] };
}
