/** `sata` on io_uring: an image file or a block device of the host's; a CD's sectors are larger. */
import type { Driver, DriverContext } from "../../core/provider/index.ts";
import { uringDisk } from "../disk/uring/disk.ts";
import type { SataOptions } from "./options.ts";

const SECTOR = 512;
const CD_SECTOR = 2048;

export function uringSata(cx: DriverContext): Driver<SataOptions> {
  return uringDisk<SataOptions>(cx, {
    kind: "sata",
    blockBytes: ({ packet }) => (packet ? CD_SECTOR : SECTOR),
    readOnly: ({ packet }) => packet,
    identity: ({ packet }) => ({
      model: packet ? "IOREEL SATA CD-ROM" : "IOREEL SATA DISK",
      serial: "IMAGE",
      firmware: "1.0",
    }),
  });
}
