/** `ata` on io_uring: an image file or a block device of the host's; a CD's sectors are larger. */
import type { Driver, DriverContext } from "../../core/provider/index.ts";
import { uringDisk } from "../disk/uring/disk.ts";
import type { AtaOptions } from "./options.ts";

const SECTOR = 512;
const CD_SECTOR = 2048;

export function uringAta(cx: DriverContext): Driver<AtaOptions> {
  return uringDisk<AtaOptions>(cx, {
    kind: "ata",
    blockBytes: ({ packet }) => (packet ? CD_SECTOR : SECTOR),
    readOnly: ({ packet }) => packet,
    identity: ({ packet }) => ({
      model: packet ? "IOREEL CD-ROM" : "IOREEL ATA DISK",
      serial: "IMAGE",
      firmware: "1.0",
    }),
  });
}
