/**
 * A disk on io_uring: an image file or a block device of the host's, driven by requests to the
 * kernel. All disk providers have this driver; what differs between them are a few facts.
 *
 * References: Linux manual pages io_uring_enter(2), open(2), fallocate(2), fcntl(2) (open file
 * description locks), statx(2) (STATX_DIOALIGN).
 */
import {
  ReelError,
  type Driver,
  type DriverContext,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { statisticsOf } from "../counts.ts";
import { fixedMedia } from "../media-change.ts";
import { explainRange } from "../range.ts";
import { openFiles, type ImageChoice } from "./opening.ts";
import { diskState, type DiskView } from "./state.ts";
import { reading, writing } from "./transfers.ts";
import { discarding, flushing, identifying, resuming, suspending } from "./upkeep.ts";

/** Options that every disk provider has; `direct` where it makes sense. */
export interface DiskOptions {
  readonly image: string;
  /** Bytes of a disk without an image. */
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  readonly exclusive: boolean;
  readonly direct?: boolean;
}

/** What kind of disk it is to be. */
export interface DiskFacts<O extends DiskOptions> {
  /** Its provider: "sata". */
  readonly kind: string;
  /** Bytes of a block. */
  blockBytes(options: O): number;
  /** Whether it cannot be written to, whatever the options say. */
  readOnly?(options: O): boolean;
  /** What `identify` tells beside size and features: model and serial number. */
  identity(options: O): Readonly<Record<string, string>>;
}

/** Part of what a snapshot keeps of a disk: how to open it again. */
interface Reopening extends ImageChoice {
  readonly blockBytes: number;
  readonly identity: Readonly<Record<string, string>>;
}

/** What a disk says of itself: a line of JSON. */
function identityOf(disk: DiskView, identity: Reopening["identity"]): string {
  const features = [
    disk.readOnly ? "read-only" : "write",
    ...(disk.readOnly ? [] : ["flush", "fua"]),
    ...(disk.readOnly || disk.device ? [] : ["discard"]),
    ...(disk.directFile >= 0 ? ["direct"] : []),
    ...(disk.fileAtHand ? ["registered-file"] : []),
    ...(disk.memoryAtHand ? ["registered-memory"] : []),
  ];
  const size = { sectors: disk.sizeBytes / disk.blockBytes, sectorBytes: disk.blockBytes };
  return `${JSON.stringify({ ...identity, ...size, features })}\n`;
}

/**
 * The io_uring driver of a disk provider. It has layers for the operations `read`, `write`,
 * `flush`, `discard`, `identify`, `suspend` and `resume`.
 */
export function uringDisk<O extends DiskOptions>(
  cx: DriverContext,
  facts: DiskFacts<O>,
): Driver<O> {
  const { kind } = facts;
  const disks = cx.records("disk", diskState);
  /** Paths are the host's and have no place in records; a snapshot keeps them. */
  const reopenings = new Map<number, Reopening>();

  const openDisk = (resource: number, reopening: Reopening): void => {
    const what = `Cannot open ${kind} ${JSON.stringify(reopening.image)}`;
    const { blockBytes, readOnly } = reopening;
    const files = openFiles(cx, reopening, blockBytes, what);
    Object.assign(disks.at(resource), files, { blockBytes, readOnly, cut: false });
    reopenings.set(resource, reopening);
  };

  const describe = (resource: number): string => {
    const image = reopenings.get(resource)?.image ?? "";
    const name = image === "" ? "a disk without an image" : JSON.stringify(image);
    return disks.at(resource).cut ? `${name}, which was cut short meanwhile` : name;
  };

  return {
    operations: {
      read: reading(kind, disks),
      write: writing(kind, disks),
      flush: flushing(kind, disks),
      discard: discarding(kind, disks),
      identify: identifying(kind, (resource) =>
        identityOf(disks.at(resource), reopenings.get(resource)!.identity),
      ),
      suspend: suspending(kind, disks),
      resume: resuming(kind, disks),
      ...fixedMedia(kind),
    },
    open(resource, options) {
      const { exclusive, image } = options;
      const readOnly = options.readOnly || facts.readOnly?.(options) === true;
      openDisk(resource, {
        image,
        exclusive,
        readOnly,
        direct: options.direct ?? false,
        sizeBytes: image === "" ? options.sizeBytes : 0,
        blockBytes: facts.blockBytes(options),
        identity: facts.identity(options),
      });
      const disk = disks.at(resource);
      disk.gate = cx.queue();
      disk.drained = cx.queue();
    },
    describe,
    explainRange: (resource, request) => explainRange(disks.at(resource), request),
    statistics: (resource) => statisticsOf(disks.at(resource)),
    release(resource) {
      const { directFile, drained, file, gate, lockedFile } = disks.at(resource);
      cx.dispose(gate as WaitQueue);
      cx.dispose(drained as WaitQueue);
      reopenings.delete(resource);
      for (const each of [file, directFile, lockedFile]) if (each >= 0) cx.host.close(each);
    },
    snapshot: (resource) => new TextEncoder().encode(JSON.stringify(reopenings.get(resource)!)),
    restore(resource, saved) {
      const reopening = readReopening(kind, saved);
      const { sizeBytes } = disks.at(resource);
      openDisk(resource, { ...reopening, sizeBytes });
    },
  };
}

function readReopening(kind: string, saved: Uint8Array): Reopening {
  let reopening: Partial<Reopening>;
  try {
    reopening = JSON.parse(new TextDecoder().decode(saved)) as Partial<Reopening>;
  } catch (cause) {
    throw new ReelError("ERR_STATE_CORRUPT", `Cannot restore ${kind}: it has no image`, { cause });
  }
  const { blockBytes, image } = reopening;
  if (typeof image !== "string" || typeof blockBytes !== "number") {
    throw new ReelError("ERR_STATE_CORRUPT", `Cannot restore ${kind}: it has no image`);
  }
  if (image !== "") return reopening as Reopening;
  throw new ReelError("ERR_UNSUPPORTED", `Cannot restore ${kind}: its disk has no image`, {
    mend: "Open disks with an image if snapshots are to be restored",
  });
}
