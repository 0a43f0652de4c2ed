/**
 * Puts a provider to work in a session: makes its driver for the backend at hand, numbers its
 * layers, and checks that the driver keeps what the definition promises.
 */
import type { HostCalls } from "../backend/contract.ts";
import type { Machine } from "../backend/emulated/machine.ts";
import { FLAG_READ, FLAG_WRITE, LIST_KIND_LOCK, LIST_KIND_QUEUE } from "../descriptor/layout.ts";
import { ReelError } from "../errors.ts";
import {
  PROVIDER_API_VERSION,
  type Driver,
  type DriverContext,
  type Provider,
} from "../provider/define.ts";
import type { Layer, Lock, WaitQueue } from "../provider/layer.ts";
import type { Random } from "../random.ts";
import { Records } from "../state/records.ts";
import type { Struct, StructShape } from "../state/struct.ts";
import { numberLayer } from "./layers.ts";
import { OPERATION_SHIFT, type EngineState, type ProviderEntry } from "./state.ts";
import { wakeAll } from "./wake.ts";

const RESOURCES_DEFAULT = 1024;

function refuse(provider: Provider, why: string, mend: string, cause?: unknown): never {
  throw new ReelError("ERR_PLUGIN_INVALID", `Cannot use provider ${provider.kind}: ${why}`, {
    mend,
    details: { kind: provider.kind },
    cause,
  });
}

/**
 * Registers a provider.
 * @returns its number in the session
 * @throws {ReelError} ERR_PLUGIN_INVALID naming what is missing
 */
export function registerProvider(e: EngineState, provider: Provider, random: Random): number {
  if (provider?.apiVersion !== PROVIDER_API_VERSION) {
    refuse(
      provider,
      `it is made for provider API ${String(provider?.apiVersion)}, not ${PROVIDER_API_VERSION}`,
      "Define it with defineProvider() of this version of ioreel",
    );
  }
  if (e.providers.some((entry) => entry.provider.kind === provider.kind)) {
    refuse(provider, "a provider of that kind is registered already", "Give each its own kind");
  }
  const factory = provider[e.backend.kind];
  if (factory === undefined) {
    refuse(
      provider,
      `it has no driver for the ${e.backend.kind} backend`,
      `Choose the other backend, or leave the provider out`,
    );
  }
  const records: Records[] = [];
  const listsBefore = e.lists.fresh;
  const context = new RegistrationContext(e, provider, random, records);
  let driver: Driver;
  try {
    driver = factory(context) as Driver;
  } catch (cause) {
    refuse(provider, `its ${e.backend.kind} driver failed to start`, "Mend the driver", cause);
  }
  for (const name of provider.operationNames) {
    if (driver.operations?.[name]?.isLayer !== true) {
      refuse(
        provider,
        `its driver has no layer for "${name}"`,
        "Give driver.operations that layer",
      );
    }
  }
  const number = e.providers.length;
  const numberOf = (layer: Layer | undefined): number =>
    layer === undefined ? -1 : numberLayer(e, number, layer);
  for (const layer of driver.layers ?? []) numberOf(layer);
  e.providers.push({
    provider,
    driver,
    bufferFlags: Int32Array.from(provider.operationNames, (name) => {
      const { direction } = provider.operations[name]!;
      return direction === "read" ? FLAG_READ : direction === "write" ? FLAG_WRITE : 0;
    }),
    positioned: Uint8Array.from(provider.operationNames, (name) =>
      provider.operations[name]!.positioned === true ? 1 : 0,
    ),
    openingLayer: numberOf(driver.opening),
    closingLayer: numberOf(driver.closing),
    records,
    openEnds: new Int32Array(provider.resourcesMax ?? RESOURCES_DEFAULT),
    random: context.random,
    listsBefore,
    listsAfter: e.lists.fresh,
  });
  // Every place is filled, so that the array has no holes to look out for.
  const places = 1 << OPERATION_SHIFT;
  for (let operation = 0; operation < places; operation++) {
    const name = provider.operationNames[Math.min(operation, provider.operationNames.length - 1)]!;
    e.operationLayers.push(e.layers[numberOf(driver.operations[name])]!);
  }
  return number;
}

/**
 * Takes the lowest free resource number of a provider.
 * @throws {ReelError} ERR_LIMIT
 */
export function takeResource(entry: ProviderEntry): number {
  const resource = entry.openEnds.indexOf(0);
  if (resource === -1) {
    throw new ReelError(
      "ERR_LIMIT",
      `Cannot open another ${entry.provider.kind}: all ${entry.openEnds.length} are open`,
      { mend: "Close one first" },
    );
  }
  entry.openEnds[resource] = entry.provider.endNames.length;
  for (const records of entry.records) records.clear(resource);
  return resource;
}

class RegistrationContext implements DriverContext {
  readonly kind: string;
  readonly backend: "uring" | "emulated";
  readonly random: Random;
  readonly #e: EngineState;
  readonly #resources: number;
  readonly #records: Records[];

  constructor(e: EngineState, provider: Provider, random: Random, records: Records[]) {
    this.#e = e;
    this.#records = records;
    this.#resources = provider.resourcesMax ?? RESOURCES_DEFAULT;
    this.kind = provider.kind;
    this.backend = e.backend.kind;
    this.random = random.fork(`provider.${provider.kind}`);
  }

  get host(): HostCalls {
    return this.#e.backend.host ?? this.#absent("system calls", "uring");
  }

  get machine(): Machine {
    return this.#e.backend.machine ?? this.#absent("an emulated machine", "emulated");
  }

  now(): number {
    return this.#e.backend.now() + this.#e.clockOffsetNs;
  }

  records<S extends StructShape>(name: string, layout: Struct<S>): Records<S> {
    const records = new Records(`${this.kind}.${name}`, layout, this.#resources);
    this.#records.push(records as unknown as Records);
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
