/** What an `ata` disk is opened with, on both backends. */
import { t, type Static } from "../../core/provider/index.ts";
import { TIMING_NAMES } from "../disk/timing.ts";

const MEBIBYTE = 1 << 20;

export const ataOptions = t.Object(
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
    channel: t.Integer({
      description: "Which cable (emulated); -1 for the first with a free place",
      minimum: -1,
      maximum: 1,
      default: -1,
    }),
    drive: t.Integer({
      description: "Which place on the cable (emulated); -1 for the first free one",
      minimum: -1,
      maximum: 1,
      default: -1,
    }),
    packet: t.Boolean({
      description: "A CD drive with 2,048-byte sectors, read-only (emulated)",
      default: false,
    }),
    dma: t.Union([t.Literal("auto"), t.Literal("pio")], {
      description: "How data move: by the bus master, or word by word (emulated)",
      default: "auto",
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

export type AtaOptions = Static<typeof ataOptions>;
