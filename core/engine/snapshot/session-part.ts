/**
 * The first part of a snapshot: what the session was put together from. Another session takes the
 * snapshot over only if it was put together alike; layers are found again by name, so that their
 * numbers may differ.
 */
import { ReelError } from "../../errors.ts";
import { StateReader } from "../../state/state-reader.ts";
import { StateWriter } from "../../state/state-writer.ts";
import type { EngineState, LayerEntry } from "../state.ts";

/** Layers that one blob may name. */
const LAYERS_MAX = 65536;

interface SavedLayer {
  readonly key: string;
  readonly signature: string;
}

export interface SessionPart {
  /** The session's clock when the snapshot was taken. */
  readonly nowNs: number;
  /** How many layers the snapshot names. */
  readonly layers: number;
  /**
   * The present number of a saved layer.
   * @throws {ReelError} ERR_STATE_VERSION when there is no such layer, or its frame is another
   */
  layerNumber(saved: number): number;
}

export function encodeSession(e: EngineState): Uint8Array {
  const writer = new StateWriter();
  writer.text(e.backend.kind);
  writer.f64(e.backend.now() + e.clockOffsetNs);
  for (const limit of limits(e)) writer.u32(limit.value);
  writer.u32(e.providers.length);
  for (const { provider, listsBefore, listsAfter, records, driver, settings } of e.providers) {
    writer.text(provider.kind);
    writer.u32(provider.stateVersion);
    writer.u32(listsBefore);
    writer.u32(listsAfter);
    writer.text(records.map(({ name, layout }) => `${name}(${layout.signature})`).join(" "));
    writer.text((driver.devices ?? []).map((device) => device.name).join(" "));
    writer.text(JSON.stringify(settings ?? null));
  }
  writer.u32(e.layers.length);
  for (const [number, entry] of e.layers.entries()) {
    writer.text(layerKey(e.layers, number));
    writer.text(entry.layer.frame.signature);
  }
  return writer.finish();
}

/** @throws {ReelError} ERR_STATE_CORRUPT, or ERR_STATE_VERSION when this session is another */
export function decodeSession(e: EngineState, payload: Uint8Array): SessionPart {
  const reader = new StateReader(payload, "the session");
  const same = (what: string, found: string | number, wanted: string | number): void => {
    if (found !== wanted) refuseVersion(what, found, wanted);
  };
  same("backend", reader.text("the backend"), e.backend.kind);
  const nowNs = reader.f64("the clock");
  for (const { name, value } of limits(e)) same(name, reader.u32(name), value);
  same("number of providers", reader.u32("the count of providers"), e.providers.length);
  for (const { provider, listsBefore, listsAfter, records, driver, settings } of e.providers) {
    const { kind } = provider;
    same("provider", reader.text("a provider"), kind);
    same(`state version of ${kind}`, reader.u32("a state version"), provider.stateVersion);
    same(`lists before ${kind}`, reader.u32("a list count"), listsBefore);
    same(`lists after ${kind}`, reader.u32("a list count"), listsAfter);
    const layouts = records.map(({ name, layout }) => `${name}(${layout.signature})`).join(" ");
    same(`records of ${kind}`, reader.text("the records' layouts"), layouts);
    const devices = (driver.devices ?? []).map((device) => device.name).join(" ");
    same(`devices of ${kind}`, reader.text("the devices"), devices);
    const chosen = JSON.stringify(settings ?? null);
    same(`settings of ${kind}`, reader.text("the settings"), chosen);
  }
  const layers: SavedLayer[] = [];
  for (let left = reader.count("layers", 8, LAYERS_MAX); left > 0; left--) {
    layers.push({ key: reader.text("a layer"), signature: reader.text("a frame's signature") });
  }
  reader.finish();
  const numbers = new Map(e.layers.map((_, number) => [layerKey(e.layers, number), number]));
  return {
    nowNs,
    layers: layers.length,
    layerNumber: (saved) => findLayer(e, numbers, layers, saved),
  };
}

function findLayer(
  e: EngineState,
  numbers: ReadonlyMap<string, number>,
  layers: readonly SavedLayer[],
  saved: number,
): number {
  const { key, signature } = layers[saved]!;
  const number = numbers.get(key);
  if (number === undefined) return refuseVersion("layer", key, "a layer of this session");
  const wanted = e.layers[number]!.layer.frame.signature;
  if (signature !== wanted) refuseVersion(`frame of layer ${key}`, signature, wanted);
  return number;
}

/** A layer's name, and its place among those of the same name: a driver may have one a channel. */
function layerKey(layers: readonly LayerEntry[], number: number): string {
  const { name } = layers[number]!.layer;
  let place = 0;
  for (let i = 0; i < number; i++) if (layers[i]!.layer.name === name) place++;
  return place === 0 ? name : `${name}#${place}`;
}

function limits({ table }: EngineState): { name: string; value: number }[] {
  return [
    { name: "limits.table.slots", value: table.slots },
    { name: "limits.table.overflowPages", value: table.overflowPages },
    { name: "limits.table.lists", value: table.lists },
    { name: "limits.ends", value: table.ends },
  ];
}

function refuseVersion(what: string, found: string | number, wanted: string | number): never {
  throw new ReelError(
    "ERR_STATE_VERSION",
    `Cannot restore the session: ${what} must be ${wanted}: found ${found}`,
    {
      mend: "Restore it into a session with the same backend, providers and limits",
      details: { what, found, wanted },
    },
  );
}
