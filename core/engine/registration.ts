/**
 * Puts a provider to work in a session: makes its driver for the backend at hand, numbers its
 * layers, and checks that the driver keeps what the definition promises.
 */
import { FLAG_READ, FLAG_WRITE } from "../descriptor/layout.ts";
import { ReelError, isReelError } from "../errors.ts";
import { PROVIDER_API_VERSION, type Driver, type Provider } from "../provider/define.ts";
import type { Layer } from "../provider/layer.ts";
import type { Random } from "../random.ts";
import type { Records } from "../state/records.ts";
import { RegistrationContext } from "./driver-context.ts";
import { numberLayer } from "./layers.ts";
import { LowestFree } from "./lowest-free.ts";
import { OPERATION_SHIFT, type EngineState } from "./state.ts";

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
 * @param settings what the session was started with for it, checked
 * @returns its number in the session
 * @throws {ReelError} ERR_PLUGIN_INVALID naming what is missing; what the driver asks for and the
 *   host refuses
 */
export function registerProvider(
  e: EngineState,
  provider: Provider,
  random: Random,
  settings: unknown,
): number {
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
  const resources = provider.resourcesMax ?? RESOURCES_DEFAULT;
  const own = random.fork(`provider.${provider.kind}`);
  const number = e.providers.length;
  const needs = { number, resources, records, random: own, settings };
  const driver = makeDriver(provider, factory, new RegistrationContext(e, provider.kind, needs));
  const numberOf = (layer: Layer | undefined): number =>
    layer === undefined ? -1 : numberLayer(e, number, layer);
  for (const layer of driver.layers ?? []) numberOf(layer);
  e.providers.push({
    provider,
    driver,
    ...operationTables(provider),
    openingLayer: numberOf(driver.opening),
    closingLayer: numberOf(driver.closing),
    records,
    openEnds: new Int32Array(resources),
    free: new LowestFree(resources),
    ends: new Int32Array(resources * provider.endNames.length).fill(-1),
    services: new Int32Array(resources),
    settings,
    random: own,
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

/** @throws {ReelError} ERR_PLUGIN_INVALID; what the host refuses to the driver */
function makeDriver(
  provider: Provider,
  factory: NonNullable<Provider["uring"]>,
  context: RegistrationContext,
): Driver {
  let driver: Driver;
  try {
    driver = factory(context) as Driver;
  } catch (cause) {
    if (isReelError(cause)) throw cause;
    refuse(provider, `its ${context.backend} driver failed to start`, "Mend the driver", cause);
  }
  for (const name of provider.operationNames) {
    if (driver.operations?.[name]?.isLayer === true) continue;
    refuse(provider, `its driver has no layer for "${name}"`, "Give driver.operations that layer");
  }
  return driver;
}

/** What the engine looks up by an operation's number. */
function operationTables({ operationNames, operations }: Provider) {
  const flag = (name: string, word: "positioned" | "unbuffered"): number =>
    operations[name]![word] === true ? 1 : 0;
  return {
    bufferFlags: Int32Array.from(operationNames, (name) => {
      const { direction } = operations[name]!;
      return direction === "read" ? FLAG_READ : direction === "write" ? FLAG_WRITE : 0;
    }),
    positioned: Uint8Array.from(operationNames, (name) => flag(name, "positioned")),
    unbuffered: Uint8Array.from(operationNames, (name) => flag(name, "unbuffered")),
  };
}
