/** `sata` on io_uring: an image file or a block device of the host's, in sectors of 512 bytes. */
import type { Driver, DriverContext } from "../../core/provider/index.ts";
import { uringDisk } from "../disk/uring/disk.ts";
import type { SataOptions } from "./options.ts";

const SECTOR = 512;

export function uringSata(cx: DriverContext): Driver<SataOptions> {
  return uringDisk<SataOptions>(cx, {
    kind: "sata",
    blockBytes: () => SECTOR,
    identity: () => ({ model: "IOREEL SATA DISK", serial: "IMAGE", firmware: "1.0" }),
  });
}
