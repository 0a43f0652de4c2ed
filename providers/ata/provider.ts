/**
 * `ata`: a disk or CD drive on a parallel ATA cable. On the emulated machine it is a two-channel
 * IDE controller with bus mastering and a driver that meets it only at its registers; on io_uring
 * an image file or block device.
 *
 * References: [ATA-6] ATA/ATAPI-6, T13/1410D; [ACS-3] T13/2161-D; [SFF-8038i] bus master IDE;
 * [SFF-8020i], [MMC-3] for packet devices.
 */
import { defineProvider } from "../../core/provider/index.ts";
import { DISK_ENDS, DISK_OPCODES } from "../disk/definition.ts";
import { MEDIA_CHANGE } from "../disk/media-change.ts";
import { SUSPENSION } from "../disk/suspension.ts";
import { emulatedAta } from "./emulated.ts";
import { ataOptions } from "./options.ts";
import { uringAta } from "./uring.ts";

export const ata = defineProvider({
  kind: "ata",
  version: "0.1.0",
  stateVersion: 2,
  summary: "A disk or CD drive on a parallel ATA cable, or an image file",
  options: ataOptions,
  operations: {
    read: {
      direction: "read",
      summary: "Reads whole sectors; nothing at the end of the disk",
      positioned: true,
    },
    write: {
      direction: "write",
      summary: "Writes whole sectors",
      positioned: true,
      argument: "1 to have them on the medium, not in a cache, when it is over (FUA)",
    },
    flush: { direction: "none", summary: "Has all that was written on the medium" },
    discard: {
      direction: "none",
      summary: "Forgets sectors from the offset on, which read as zeros then (TRIM)",
      argument: "bytes, whole sectors",
    },
    identify: {
      direction: "read",
      summary: "Brings what the drive says of itself as a line of JSON",
    },
    ...SUSPENSION,
    ...MEDIA_CHANGE,
  },
  ends: DISK_ENDS,
  capabilities: { shortTransfers: true, cancel: true, restore: ["uring", "emulated"] },
  resourcesMax: 4,
  opcodes: DISK_OPCODES,
  uring: uringAta,
  emulated: emulatedAta,
});
