/**
 * The parts of a restore that can fail: memory for the buffers, the machine, device models, and
 * drivers that make host things anew. What was done is undone when one of them refuses.
 */
import type { IoBuffer } from "../../buffer/buffer.ts";
import { ReelError, isReelError } from "../../errors.ts";
import type { EngineState } from "../state.ts";
import { applyProvider, backUpDevices } from "./provider-part.ts";
import type { SavedLists, SavedProvider, SavedSession } from "./saved.ts";

/** @throws what the machine, a device or a driver throws; nothing has changed then */
export function restoreHost(e: EngineState, saved: SavedSession): void {
  const undo: (() => void)[] = [];
  try {
    adoptBuffers(e, saved, undo);
    undo.push(backUpDevices(e));
    if (saved.machine !== undefined) e.backend.machine!.restore(saved.machine);
    restoreDevices(e, saved.providers);
    resetLists(e, saved.lists, undo);
    applyProviders(e, saved.providers, undo);
    restoreResources(e, saved, undo);
  } catch (error) {
    for (const step of undo.toReversed()) attempt(step);
    throw error;
  }
}

/** Undoing goes as far as it can: the error that is thrown is the one that came first. */
function attempt(step: () => void): void {
  try {
    step();
  } catch {
    // A driver that cannot let go of what it has just made has nothing more to tell.
  }
}

/** @throws {ReelError} ERR_STATE_CORRUPT, whatever a device model throws */
function restoreDevices(e: EngineState, saved: readonly SavedProvider[]): void {
  for (const [i, { driver }] of e.providers.entries()) {
    for (const [j, device] of (driver.devices ?? []).entries()) {
      try {
        device.restore(saved[i]!.devices[j]!);
      } catch (cause) {
        if (isReelError(cause)) throw cause;
        const text = `Cannot restore device ${device.name}: ${String(cause)}`;
        throw new ReelError("ERR_STATE_CORRUPT", text, { cause });
      }
    }
  }
}

function adoptBuffers(e: EngineState, { buffers }: SavedSession, undo: (() => void)[]): void {
  const adopted: IoBuffer[] = [];
  undo.push(() => {
    for (const buffer of adopted) buffer.dispose();
  });
  for (const { id, bytes } of buffers.buffers) adopted.push(e.pool.adopt(id, bytes));
}

/** Drivers may use their queues and locks while they restore. */
function resetLists(e: EngineState, saved: SavedLists, undo: (() => void)[]): void {
  const kinds = Array.from({ length: e.lists.fresh }, (_, list) => e.lists.kind(list));
  const freeOrder = e.lists.freeOrder();
  undo.push(() => e.lists.reset(kinds, freeOrder));
  e.lists.reset(saved.kinds, saved.freeOrder);
}

function applyProviders(
  e: EngineState,
  saved: readonly SavedProvider[],
  undo: (() => void)[],
): void {
  for (const [i, entry] of e.providers.entries()) {
    const randomWords = entry.random.snapshot();
    undo.push(() => applyProvider(entry, { resources: [], devices: [], randomWords }));
    applyProvider(entry, saved[i]!);
  }
}

function restoreResources(e: EngineState, saved: SavedSession, undo: (() => void)[]): void {
  for (const [i, { driver }] of e.providers.entries()) {
    for (const { resource, extra } of saved.providers[i]!.resources) {
      if (driver.restore === undefined) continue;
      driver.restore(resource, extra ?? new Uint8Array(0));
      const open = saved.ends.rows.filter((row) => {
        return row.state !== 0 && row.provider === i && row.resource === resource;
      });
      undo.push(() => {
        for (const { kind } of open) driver.closeEnd?.(resource, kind);
        driver.release(resource);
      });
    }
  }
}
