/**
 * `sata`: a disk in sectors of 512 bytes. On the emulated machine it hangs on an AHCI adapter and
 * is driven through its registers, with up to 32 queued commands; on io_uring it is an image file
 * or a block device.
 *
 * References: [AHCI] Serial ATA AHCI 1.3.1; [ACS-3] ATA/ATAPI Command Set 3.
 */
import { defineProvider, type Provider } from "../../core/provider/index.ts";
import { DISK_ENDS, DISK_OPCODES } from "../disk/definition.ts";
import { MEDIA_CHANGE } from "../disk/media-change.ts";
import { SUSPENSION } from "../disk/suspension.ts";
import { emulatedSata } from "./emulated.ts";
import { sataOptions } from "./options.ts";
import { uringSata } from "./uring.ts";

export const sata: Provider<typeof sataOptions, "main", "sata"> = defineProvider({
  kind: "sata",
  version: "0.1.0",
  stateVersion: 2,
  summary: "A disk on an AHCI adapter, with native command queuing",
  options: sataOptions,
  operations: {
    read: {
      direction: "read",
      positioned: true,
      summary: "Brings whole sectors from a byte offset; 0 bytes at the end of the disk",
    },
    write: {
      direction: "write",
      positioned: true,
      summary: "Writes whole sectors at a byte offset, within the disk",
      argument: "1 to have them on the medium when it completes (FUA)",
    },
    flush: { direction: "none", summary: "Has all that was written reach the medium" },
    discard: {
      direction: "none",
      positioned: true,
      summary: "Forgets sectors from a byte offset (TRIM): they read as zeros",
      argument: "Bytes to forget, whole sectors",
    },
    identify: {
      direction: "read",
      summary: "Brings a line of JSON: model, serial, firmware, sectors, sectorBytes, features",
    },
    ...SUSPENSION,
    ...MEDIA_CHANGE,
  },
  ends: DISK_ENDS,
  resourcesMax: 32,
  capabilities: { shortTransfers: false, cancel: true, restore: ["uring", "emulated"] },
  opcodes: DISK_OPCODES,
  uring: uringSata,
  emulated: emulatedSata,
});

export default sata;
