/** `fdd` on io_uring: an image file, or the host's own floppy drive, in sectors of 512 bytes. */
import type { Driver, DriverContext, Static } from "../../core/provider/index.ts";
import { uringDisk } from "../disk/uring/disk.ts";
import type { floppyOptions } from "./options.ts";

const SECTOR = 512;

export function uringFloppy(cx: DriverContext): Driver<Static<typeof floppyOptions>> {
  return uringDisk<Static<typeof floppyOptions>>(cx, {
    kind: "fdd",
    blockBytes: () => SECTOR,
    identity: () => ({ model: "IOREEL FLOPPY", serial: "IMAGE", firmware: "1.0" }),
  });
}
