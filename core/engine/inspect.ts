/**
 * What every operation in flight waits for, in words and by name: for the report of a deadlock, for
 * looking at a saved session, for debugging.
 */
import {
  BYTES_F64,
  CHILDREN,
  DOUBLE_SHIFT,
  END,
  FLAGS,
  FLAG_CANCEL,
  FLAG_DEADLINE,
  HEADER_SHIFT,
  IN_FLIGHT,
  OPERATION,
  OWNER,
  PARENT,
  STATE,
  WAIT,
  WAIT_CHILDREN,
  WAIT_INTERRUPT,
  WAIT_LOCK,
  WAIT_NAMES,
  WAIT_ON,
  WAIT_QUEUE,
  WAIT_RING,
} from "../descriptor/layout.ts";
import { SERVICE_OPERATION, type EngineState } from "./state.ts";

export interface FrameDescription {
  readonly layer: string;
  /** The frame's fields by name. */
  readonly frame: Readonly<Record<string, unknown>>;
}

export interface WaitDescription {
  /** The operation's handle. Forks have one too, for reports: no call takes it. */
  readonly handle: number;
  /** Kind of the provider. */
  readonly provider: string;
  readonly resource: number;
  readonly end: string;
  /** "open or close" or "service": what a driver does beside the operations of its definition. */
  readonly operation: string;
  /** The task that started it, 0 for host code. */
  readonly owner: number;
  /** The operation that forked it, if one did. */
  readonly parent: number | undefined;
  /** A noun phrase: "interrupt line 14", "lock 70, held by operation 65537". */
  readonly waitsFor: string;
  /** When it stops waiting, by the session's clock. */
  readonly deadlineNs: number | undefined;
  readonly cancelRequested: boolean;
  /** Bytes moved so far. */
  readonly bytes: number;
  /** Its layers with their frames, the running one last. */
  readonly layers: readonly FrameDescription[];
}

/** Describes every operation in flight, lowest slot first. */
export function describeWaits(e: EngineState): WaitDescription[] {
  const found: WaitDescription[] = [];
  for (let slot = 0; slot < e.table.highWater; slot++) {
    if (e.i32[(slot << HEADER_SHIFT) + STATE] === IN_FLIGHT) found.push(describe(e, slot));
  }
  return found;
}

function describe(e: EngineState, slot: number): WaitDescription {
  const word = (index: number): number => e.i32[(slot << HEADER_SHIFT) + index]!;
  const { ends } = e;
  const end = word(END);
  const { provider } = e.providers[ends.provider(end)]!;
  const flags = word(FLAGS);
  const parent = word(PARENT);
  return {
    handle: e.table.handleOf(slot),
    provider: provider.kind,
    resource: ends.resource(end),
    end: provider.endNames[ends.kind(end)]!,
    operation: provider.operationNames[word(OPERATION)] ?? besides(word(OPERATION)),
    owner: word(OWNER),
    parent: parent === -1 ? undefined : e.table.handleOf(parent),
    waitsFor: waitOf(e, slot),
    deadlineNs: (flags & FLAG_DEADLINE) === 0 ? undefined : e.deadlines.deadlineOf(slot),
    cancelRequested: (flags & FLAG_CANCEL) !== 0,
    bytes: e.f64[(slot << DOUBLE_SHIFT) + BYTES_F64]!,
    layers: e.stacks.frames(slot).map(({ layer: number, base }) => {
      const { layer } = e.layers[number]!;
      const view = layer.frame.view(e.table.slab, layer.name);
      view.$base = base;
      return { layer: layer.name, frame: layer.frame.describe(view) };
    }),
  };
}

/** What a driver does beside the operations of its definition. */
function besides(operation: number): string {
  return operation === SERVICE_OPERATION ? "service" : "open or close";
}

function waitOf(e: EngineState, slot: number): string {
  const header = slot << HEADER_SHIFT;
  const wait = e.i32[header + WAIT]!;
  const on = e.i32[header + WAIT_ON]!;
  switch (wait) {
    case WAIT_RING:
      return on === -1 ? WAIT_NAMES[wait]! : `${WAIT_NAMES[wait]} on file ${on}`;
    case WAIT_LOCK:
      return `${WAIT_NAMES[wait]} ${on}, held by operation ${e.table.handleOf(e.lists.owner(on))}`;
    case WAIT_INTERRUPT:
    case WAIT_QUEUE:
      return `${WAIT_NAMES[wait]} ${on}`;
    case WAIT_CHILDREN:
      return `its ${e.i32[header + CHILDREN]} forks`;
    default:
      return WAIT_NAMES[wait] ?? "nothing";
  }
}
