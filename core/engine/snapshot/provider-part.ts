/** One provider in a snapshot: its open resources with their records, its luck, its devices. */
import { decodeBlob, encodeBlob } from "../../state/blob.ts";
import { StateReader } from "../../state/state-reader.ts";
import { StateWriter } from "../../state/state-writer.ts";
import type { EngineState, ProviderEntry } from "../state.ts";
import type { SavedProvider, SavedResource } from "./saved.ts";

const RANDOM_WORDS = 4;
const RESOURCE_BYTES = 12;

/** @param whole whether what only the driver can tell, perhaps by asking the host, is part of it */
export function encodeProvider(entry: ProviderEntry, whole = true): Uint8Array {
  const { driver, openEnds, provider, records } = entry;
  const writer = new StateWriter();
  for (const word of entry.random.snapshot()) writer.u32(word);
  const open = entry.free.taken().filter((resource) => openEnds[resource] !== 0);
  writer.u32(open.length);
  for (const resource of open) {
    writer.u32(resource);
    writer.u32(openEnds[resource]!);
    for (const each of records) writer.bytes(each.bytesOf(resource));
    const extra = whole ? driver.snapshot?.(resource) : undefined;
    writer.u32(extra === undefined ? 0 : 1);
    if (extra !== undefined) writer.bytes(extra);
  }
  for (const device of driver.devices ?? []) writer.bytes(device.snapshot());
  return encodeBlob(kindOf(entry), provider.stateVersion, writer.finish());
}

/** @throws {ReelError} ERR_STATE_CORRUPT */
export function decodeProvider(entry: ProviderEntry, blob: Uint8Array): SavedProvider {
  const { driver, openEnds, provider } = entry;
  const { payload } = decodeBlob(blob, kindOf(entry));
  const reader = new StateReader(payload, `provider ${provider.kind}`);
  const randomWords = new Uint32Array(RANDOM_WORDS);
  for (let i = 0; i < RANDOM_WORDS; i++) randomWords[i] = reader.u32("its random state");
  const resources: SavedResource[] = [];
  let last = -1;
  for (let left = reader.count("resources", RESOURCE_BYTES, openEnds.length); left > 0; left--) {
    const resource = reader.u32("a resource", openEnds.length - 1);
    if (resource <= last) reader.refuse("a resource", resource, "in order");
    last = resource;
    resources.push(decodeResource(entry, reader, resource));
  }
  const devices = (driver.devices ?? []).map((device) => reader.bytes(`device ${device.name}`));
  reader.finish();
  return { resources, randomWords, devices };
}

function decodeResource(
  entry: ProviderEntry,
  reader: StateReader,
  resource: number,
): SavedResource {
  const ends = reader.u32("the count of ends", entry.provider.endNames.length);
  if (ends === 0) reader.refuse("the count of ends", 0, "at least 1");
  const records = entry.records.map(({ layout, name }) => {
    const bytes = reader.bytes(`a record of ${name}`);
    if (bytes.length === layout.sizeBytes) return bytes;
    return reader.refuse(`a record of ${name}`, bytes.length, `${layout.sizeBytes} bytes`);
  });
  const extra = reader.yesOrNo("what its driver saved") ? reader.bytes("its state") : undefined;
  return { resource, ends, records, extra };
}

/** Puts a provider's records and luck in place. Cannot fail: everything was checked. */
export function applyProvider(entry: ProviderEntry, saved: SavedProvider): void {
  entry.random.restore(saved.randomWords);
  entry.openEnds.fill(0);
  for (const { resource, ends, records } of saved.resources) {
    entry.openEnds[resource] = ends;
    for (const [i, bytes] of records.entries()) entry.records[i]!.setBytes(resource, bytes);
  }
}

/** The machine and the device models, as bytes to go back to if a restore fails half-way. */
export function backUpDevices(e: EngineState): () => void {
  const machine = e.backend.machine?.snapshot();
  const devices = e.providers.flatMap(({ driver }) => driver.devices ?? []);
  const states = devices.map((device) => device.snapshot());
  return () => {
    if (machine !== undefined) e.backend.machine!.restore(machine);
    for (const [i, device] of devices.entries()) device.restore(states[i]!);
  };
}

function kindOf(entry: ProviderEntry): string {
  return `provider.${entry.provider.kind}`;
}
