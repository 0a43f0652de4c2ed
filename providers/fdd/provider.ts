/**
 * `fdd`: a floppy disk by sectors of 512 bytes. On the emulated backend an 82077AA controller on
 * ISA DMA with a real driver, which takes the time that a floppy takes; on io_uring an image file.
 *
 * References: [82077] Intel 82077AA data sheet 290166; [8237] Intel 8237A data sheet 231466.
 */
import { defineProvider, type Provider } from "../../core/provider/index.ts";
import { DISK_ENDS, DISK_OPCODES } from "../disk/definition.ts";
import { MEDIA_CHANGE } from "../disk/media-change.ts";
import { SUSPENSION } from "../disk/suspension.ts";
import { emulatedFloppy } from "./emulated.ts";
import { floppyOptions } from "./options.ts";
import { uringFloppy } from "./uring.ts";

export const fdd: Provider<typeof floppyOptions, "main", "fdd"> = defineProvider({
  kind: "fdd",
  version: "0.1.0",
  stateVersion: 2,
  summary: "A floppy disk, by sectors",
  options: floppyOptions,
  operations: {
    read: {
      direction: "read",
      positioned: true,
      summary: "Reads sectors; 0 bytes at the end of the disk",
    },
    write: {
      direction: "write",
      positioned: true,
      argument: "1: durable when it is over (every floppy write is)",
      summary: "Writes whole sectors within the disk",
    },
    flush: { direction: "none", summary: "Brings what was written into the image" },
    discard: {
      direction: "none",
      argument: "bytes",
      summary: "EOPNOTSUPP when emulated: a floppy cannot forget sectors",
    },
    identify: { direction: "read", summary: "Brings the drive and its disk as a line of JSON" },
    ...SUSPENSION,
    ...MEDIA_CHANGE,
  },
  ends: DISK_ENDS,
  capabilities: { shortTransfers: true, cancel: true, restore: ["uring", "emulated"] },
  resourcesMax: 4,
  opcodes: DISK_OPCODES,
  uring: uringFloppy,
  emulated: emulatedFloppy,
});

export default fdd;
