/** What is known of each open disk, and how operations begin and end on it. */
import {
  bool,
  i32,
  struct,
  u32,
  u53,
  type LayerContext,
  type Move,
  type Records,
  type View,
  type Wait,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { countShape } from "../counts.ts";

const shape = {
  /** The ring file by way of the page cache, and the one without it, or -1. */
  file: i32,
  directFile: i32,
  /** The opening that holds the lock, or -1. */
  lockedFile: i32,
  sizeBytes: u53,
  blockBytes: u32,
  /** What a transfer without the page cache has to be aligned to. */
  directBytes: u32,
  readOnly: bool,
  /** A block device, which has no holes to punch. */
  device: bool,
  /** What the kernel keeps at hand. */
  fileAtHand: bool,
  memoryAtHand: bool,
  /** Whether the image turned out to be shorter than it was. */
  cut: bool,
  /** Operations that begin now have to wait. */
  suspended: bool,
  ...countShape,
  /** Operations that have begun and are not over. */
  busy: u32,
  /** Where operations wait while it is suspended, and where the suspension waits for them. */
  gate: u32,
  drained: u32,
} as const;

export const diskState = struct(shape);
export type DiskView = View<typeof shape>;
export type DiskRecords = Records<typeof shape>;

/** The part of every operation's frame that says how far it is. */
export const progressShape = { movedBytes: u32, gated: bool, begun: bool } as const;
export type ProgressView = View<typeof progressShape>;

/** Begins an operation, unless it has begun. @returns a wait if it may not begin yet */
export function begin(disk: DiskView, frame: ProgressView, run: LayerContext): Wait | undefined {
  if (frame.begun) return undefined;
  if (disk.suspended) {
    frame.gated = true;
    return run.queue(disk.gate as WaitQueue);
  }
  frame.begun = true;
  disk.busy++;
  return undefined;
}

/** Goes on with an operation that has not begun: it waited at the gate, or has nothing to do. */
export function passGate(frame: ProgressView, run: LayerContext): Move {
  if (!frame.gated) return run.done(0);
  frame.gated = false;
  return run.again();
}

/** Ends an operation that has begun. Called once. */
export function leave(disk: DiskView, run: LayerContext): void {
  const busy = disk.busy - 1;
  disk.busy = busy;
  if (busy === 0 && disk.suspended) run.wake(disk.drained as WaitQueue);
}

/** Ends an operation early, if it has begun. */
export function giveUp(disk: DiskView, frame: ProgressView, run: LayerContext): void {
  if (frame.begun) leave(disk, run);
}
