/**
 * The whole of a session's engine as bytes, and back: operations in flight with their frames, who
 * waits for what, open ends, providers with their records and devices, buffers in use, the machine.
 *
 * On the emulated backend a restored session goes on bit for bit. On io_uring, requests in the
 * kernel are begun again: what the kernel had done and not reported yet is done twice, or is lost
 * where doing it takes something away.
 */
import type { BufferQueue } from "../buffer/queue.ts";
import { ReelError } from "../errors.ts";
import { decodeBlob, encodeBlob, joinBlobs, splitBlobs } from "../state/blob.ts";
import { applyDelivery, applyTable, applyWaits, beginRequestsAgain } from "./snapshot/apply.ts";
import { checkBuffers, checkEnds, type BufferUse } from "./snapshot/check-buffers.ts";
import { checkSlots, corrupt } from "./snapshot/check-slots.ts";
import {
  decodeBuffers,
  decodeDelivery,
  encodeBuffers,
  encodeDelivery,
} from "./snapshot/delivery-part.ts";
import { decodeEnds, decodeLists, encodeEnds, encodeLists } from "./snapshot/lists-part.ts";
import { restoreHost } from "./snapshot/host.ts";
import { decodeProvider, encodeProvider } from "./snapshot/provider-part.ts";
import type { SavedSession } from "./snapshot/saved.ts";
import { decodeSession, encodeSession } from "./snapshot/session-part.ts";
import { decodeTable, encodeTable } from "./snapshot/table-part.ts";
import { makeQueueAgain } from "./queued.ts";
import { noteEnds } from "./resources.ts";
import type { EngineState } from "./state.ts";

/** Changes whenever the layout of the engine's parts does. */
export const ENGINE_STATE_VERSION = 2;
const PARTS = ["session", "table", "lists", "ends", "delivery", "buffers"] as const;

/**
 * Saves the session. To be called between turns: not from a layer, a settler or a device.
 * @returns a framed blob; equal states give equal bytes
 * @throws {ReelError} what a driver throws when it cannot be saved now
 */
export function snapshotEngine(e: EngineState): Uint8Array {
  const payloads = [
    encodeSession(e),
    encodeTable(e),
    encodeLists(e),
    encodeEnds(e),
    encodeDelivery(e),
    encodeBuffers(e),
  ];
  const blobs = payloads.map((payload, i) => {
    return encodeBlob(`engine.${PARTS[i]}`, ENGINE_STATE_VERSION, payload);
  });
  for (const entry of e.providers) blobs.push(encodeProvider(entry));
  const { machine } = e.backend;
  if (machine !== undefined) blobs.push(machine.snapshot());
  return encodeBlob("engine", ENGINE_STATE_VERSION, joinBlobs(blobs));
}

/**
 * Puts a saved session in place of an unused one with the same backend, providers and limits.
 * Operations keep their handles; their settlers are gone: outcomes are looked at by handle, or
 * taken by `Engine.adopt`. The session's clock goes on where it was.
 *
 * Everything is checked before anything changes; when a driver or a device refuses its part, what
 * was changed is put back.
 * @throws {ReelError} ERR_STATE_CORRUPT for bytes that are no such snapshot
 * @throws {ReelError} ERR_STATE_VERSION when this session is put together differently
 * @throws {ReelError} ERR_OPERATION_BUSY when this session is in use
 * @throws {ReelError} ERR_UNSUPPORTED when something is open that its provider cannot restore here
 * @throws {ReelError} what a driver throws that cannot make its resource anew
 */
export function restoreEngine(e: EngineState, bytes: Uint8Array): void {
  if (e.table.used > 0 || e.ends.used > 0 || e.bufferQueues.some((queue) => queue !== undefined)) {
    throw new ReelError("ERR_OPERATION_BUSY", "Cannot restore a session into one that is in use", {
      mend: "Restore it into a runtime that was just started",
    });
  }
  const saved = decode(e, bytes);
  checkRestorable(e, saved);
  checkSlots(e, saved);
  checkEnds(saved);
  const use = checkBuffers(e, saved);
  restoreHost(e, saved);
  e.ends.reset(saved.ends.rows, saved.ends.freeOrder);
  noteEnds(e);
  applyTable(e, saved.table);
  applyWaits(e, saved.lists);
  applyDelivery(e, saved.delivery);
  applyBuffers(e, saved, use);
  e.clockOffsetNs = saved.nowNs - e.backend.now();
  // No number equals this one, so the next look arms whatever deadline there is.
  e.armedDeadline = Number.NaN;
  beginRequestsAgain(e);
}

/** Refuses what a provider has open here that it cannot make anew: sockets of the kernel's. */
function checkRestorable(e: EngineState, { providers }: SavedSession): void {
  const { kind: backend } = e.backend;
  for (const [i, { provider }] of e.providers.entries()) {
    const open = providers[i]!.resources.length;
    if (open === 0 || provider.capabilities.restore.includes(backend)) continue;
    throw new ReelError(
      "ERR_UNSUPPORTED",
      `Cannot restore the session: ${open} open ${provider.kind} cannot be made anew on ${backend}`,
      { mend: "Close them before the snapshot is taken, or replay a recording instead" },
    );
  }
}

function decode(e: EngineState, bytes: Uint8Array): SavedSession {
  const { version, payload } = decodeBlob(bytes, "engine");
  if (version !== ENGINE_STATE_VERSION) {
    throw new ReelError(
      "ERR_STATE_VERSION",
      `Cannot restore the session: state version must be ${ENGINE_STATE_VERSION}: found ${version}`,
      { mend: "Restore it with the ioreel version that took the snapshot" },
    );
  }
  const blobs = splitBlobs(payload);
  const machine = e.backend.machine === undefined ? 0 : 1;
  if (blobs.length < PARTS.length) corrupt(`it has ${blobs.length} parts`);
  const payloads = PARTS.map((part, i) => decodeBlob(blobs[i]!, `engine.${part}`).payload);
  const session = decodeSession(e, payloads[0]!);
  if (blobs.length !== PARTS.length + e.providers.length + machine) corrupt("a part is missing");
  return {
    nowNs: session.nowNs,
    table: decodeTable(e, payloads[1]!, session),
    lists: decodeLists(e, payloads[2]!),
    ends: decodeEnds(e, payloads[3]!),
    delivery: decodeDelivery(e, payloads[4]!),
    buffers: decodeBuffers(e, payloads[5]!),
    providers: e.providers.map((entry, i) => decodeProvider(entry, blobs[PARTS.length + i]!)),
    machine: machine === 0 ? undefined : blobs.at(-1)!,
  };
}

function applyBuffers(e: EngineState, saved: SavedSession, use: BufferUse): void {
  for (const [id, { write, readers }] of use.loans) e.pool.get(id).restoreLoans(write, readers);
  for (const { id, ids, stalls, waiters } of saved.buffers.queues) {
    const queue: BufferQueue = makeQueueAgain(e, id, waiters);
    queue.restore(ids, stalls, use.users.get(id)!);
  }
}
