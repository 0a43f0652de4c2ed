/** What the core gives to a driver, once per session: see `DriverContext`. */
import type { HostCalls } from "../backend/contract.ts";
import type { ImageFile, ImageOptions } from "../backend/images.ts";
import type { Machine } from "../backend/emulated/machine.ts";
import { LINES_MAX, LIST_KIND_LOCK, LIST_KIND_QUEUE } from "../descriptor/layout.ts";
import type { BufferGroup, DriverContext, DriverMemory } from "../provider/define.ts";
import type { Lock, WaitQueue } from "../provider/layer.ts";
import type { Random } from "../random.ts";
import { Records } from "../state/records.ts";
import type { Struct, StructShape } from "../state/struct.ts";
import { firstEnd } from "./resources.ts";
import type { EngineState } from "./state.ts";
import { wakeAll } from "./wake.ts";

/** What a driver's context is made of. */
export interface DriverNeeds {
  /** The provider's number in the session. */
  readonly number: number;
  /** Resources that can be open. */
  readonly resources: number;
  /** Where the records go that the driver asks for. */
  readonly records: Records[];
  readonly random: Random;
  readonly settings: unknown;
}

export class RegistrationContext implements DriverContext {
  readonly kind: string;
  readonly backend: "uring" | "emulated";
  readonly random: Random;
  readonly settings: unknown;
  readonly #e: EngineState;
  readonly #needs: DriverNeeds;

  constructor(e: EngineState, kind: string, needs: DriverNeeds) {
    this.#e = e;
    this.#needs = needs;
    this.kind = kind;
    this.backend = e.backend.kind;
    this.random = needs.random;
    this.settings = needs.settings;
  }

  get host(): HostCalls {
    return this.#e.backend.host ?? this.#absent("system calls", "uring");
  }

  get machine(): Machine {
    return this.#e.backend.machine ?? this.#absent("an emulated machine", "emulated");
  }

  image(path: string, options: ImageOptions): ImageFile {
    const images = this.#e.backend.images ?? this.#absent("image files", "emulated");
    return images.open(path, options);
  }

  now(): number {
    return this.#e.backend.now() + this.#e.clockOffsetNs;
  }

  memory(sizeBytes: number): DriverMemory {
    const { bytes, address } = this.#e.pool.arena.take(sizeBytes);
    bytes.fill(0);
    return { bytes, address };
  }

  bufferGroup(count: number, bufferBytes: number): BufferGroup {
    const ring = this.#e.backend.ring ?? this.#absent("groups of buffers", "uring");
    const { arena } = this.#e.pool;
    const block = arena.take(count * bufferBytes);
    const { address, bytes } = block;
    let group: number;
    try {
      group = ring.openGroup(address, bufferBytes, count);
    } catch (error) {
      arena.give(block);
      throw error;
    }
    this.#e.groups.push(group);
    const give = (buffer: number): void => ring.giveBuffer(group, buffer);
    return { group, count, bufferBytes, bytes, give };
  }

  onInterrupt(line: number, service: () => void): void {
    const { interrupts } = this.machine;
    const lines = Math.min(interrupts.lines, LINES_MAX);
    if (!(Number.isInteger(line) && line >= 0 && line < lines)) {
      throw new RangeError(`Cannot serve interrupt line ${line}: lines are 0 to ${lines - 1}`);
    }
    const { interruptServices } = this.#e;
    interruptServices[line] = [...(interruptServices[line] ?? []), service];
    interrupts.enable(line);
  }

  abandon(resource: number): void {
    const entry = this.#e.providers[this.#needs.number]!;
    this.#e.abandoned.push(this.#e.ends.handleOf(firstEnd(entry, resource)));
  }

  records<S extends StructShape>(name: string, layout: Struct<S>): Records<S> {
    const records = new Records(`${this.kind}.${name}`, layout, this.#needs.resources);
    this.#needs.records.push(records as unknown as Records);
    return records;
  }

  queue(): WaitQueue {
    return this.#e.lists.create(LIST_KIND_QUEUE) as WaitQueue;
  }

  lock(): Lock {
    return this.#e.lists.create(LIST_KIND_LOCK) as Lock;
  }

  dispose(list: WaitQueue | Lock): void {
    this.#e.lists.destroy(list);
  }

  wake(queue: WaitQueue, result = 0): number {
    return wakeAll(this.#e, queue, result);
  }

  #absent(what: string, backend: string): never {
    throw new RangeError(`Cannot use ${what}: only the ${backend} backend has it`);
  }
}
