/**
 * What the driver remembers of a disk that is open: one record, all of it bytes. The masks have a
 * bit for each tag; the queue is a wait list of the session's table.
 */
import {
  bool,
  bytes,
  oneOf,
  struct,
  u32,
  u53,
  u8,
  type View,
} from "../../../core/provider/index.ts";
import { countShape } from "../../disk/counts.ts";
import type { turnShape } from "../../disk/queue/turns.ts";
import { SLOTS } from "../registers.ts";

/** What the frame of an operation keeps of its place in the disk's queue. */
export type TurnView = View<typeof turnShape>;

export const diskState = struct({
  /** The HBA's port. */
  port: u8,
  /**
   * `starting` until the disk has said who it is; `ready`; `repairing` while an error is seen to;
   * `gone` after the device was pulled out.
   */
  phase: oneOf("starting", "ready", "repairing", "gone"),
  /** Address of its memory. */
  area: u32,
  /** Tags that there is memory for, and those that are used: as many as the disk can do. */
  tags: u8,
  usable: u8,
  queued: bool,
  readOnly: bool,
  /** A CD drive behind the PACKET command. */
  packet: bool,
  sectorBytes: u32,
  sectors: u53,
  /** Counts the devices that were in the port; operations fail once when it has changed. */
  generation: u32,
  changed: bool,
  /** Tags whose commands the hardware has. */
  flying: u32,
  /** Tags whose command took too long, and tags of operations that ended before it. */
  late: u32,
  orphans: u32,
  /** Whether a command that must be alone is under way. */
  alone: bool,
  /** PxIS bits of an error that is not seen to yet, and PxTFD as it was then. */
  fault: u32,
  faultTask: u32,
  /** How often each tag's command was issued again through no fault of its own. */
  reissues: bytes(SLOTS),
  /** Tags for which that is not 0. */
  innocents: u32,
  /** Resets of the port so far, and commands that were issued again: for reports. */
  resets: u32,
  reissued: u32,
  ...countShape,
  /** Where the service waits for something to repair. */
  repair: u32,
});
