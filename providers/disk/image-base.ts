/**
 * Image files of the machine's as the base of media. They are opened through the driver's context,
 * so a recording knows what they held, and a replay writes to none.
 */
import { ReelError, type DriverContext } from "../../core/provider/index.ts";
import type { MediumBase, OverlayMedium } from "./image.ts";

/** Opens image files for a device model. */
export type Images = Pick<DriverContext, "image">;

function tried(call: () => void): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}

/**
 * An image file as a base: what the host refuses from now on becomes failures of sectors.
 * @param writable whether flushes may write to it
 * @throws {ReelError} ENOENT and others, the errno's code; ERR_UNSUPPORTED for what is no regular
 *   file; ERR_INCOMPATIBLE_RECORDING on replay
 */
export function imageBase(images: Images, path: string, writable: boolean): MediumBase {
  const image = images.image(path, { readOnly: !writable });
  return {
    sizeBytes: image.sizeBytes,
    read: (offset, target) => tried(() => image.read(offset, target)),
    ...(writable && {
      write: (offset: number, bytes: Uint8Array) => tried(() => image.write(offset, bytes)),
      flush: () => tried(() => image.flush()),
    }),
    close: () => image.close(),
  };
}

/**
 * Ends a medium in good order: what was not flushed reaches the image, which is let go of.
 * @throws {ReelError} EIO for an image that did not take all of it; it is closed even so
 */
export function writeBackAndClose(medium: OverlayMedium, image: string): void {
  const isKept = medium.flush();
  medium.close();
  if (isKept) return;
  throw new ReelError("EIO", `Cannot write all of ${JSON.stringify(image)} back: it is not whole`, {
    mend: "Make room for the image, and flush before closing: a flush can be tried again",
  });
}
