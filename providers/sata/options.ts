/** What a `sata` disk is opened with, on both backends. */
import { t, type Static } from "../../core/provider/index.ts";
import { TIMING_NAMES } from "../disk/timing.ts";

const MEBIBYTE = 1 << 20;

export const sataOptions = t.Object(
  {
    image: t.String({
      description: "Path of the image file or block device; empty for a disk in memory",
      maxLength: 4095,
      default: "",
    }),
    sizeBytes: t.Integer({
      description: "Size of a disk in memory, whole sectors",
      minimum: 512,
      maximum: 2 ** 48,
      default: 16 * MEBIBYTE,
    }),
    readOnly: t.Boolean({ description: "Refuse writes", default: false }),
    exclusive: t.Boolean({
      description: "Lock the image against other programs (io_uring)",
      default: false,
    }),
    writeBack: t.Boolean({
      description: "Written sectors reach the image at flush and close (emulated)",
      default: true,
    }),
    direct: t.Boolean({
      description: "Go around the page cache where alignment allows (io_uring)",
      default: false,
    }),
    port: t.Integer({
      description: "The adapter's port; -1 for the first that is free (emulated)",
      minimum: -1,
      maximum: 5,
      default: -1,
    }),
    queueDepth: t.Integer({
      description: "Commands in the disk's queue, 0 for a disk without NCQ (emulated)",
      minimum: 0,
      maximum: 32,
      default: 32,
    }),
    timing: t.Union(
      TIMING_NAMES.map((name) => t.Literal(name)),
      { description: "How long the disk takes (emulated)", default: "instant" },
    ),
    faults: t.Array(t.String({ maxLength: 200 }), {
      description: 'What goes wrong, as in "unreadable lba=5 when=3..9+2" (emulated)',
      maxItems: 64,
      default: [],
    }),
  },
  { additionalProperties: false },
);

export type SataOptions = Static<typeof sataOptions>;
