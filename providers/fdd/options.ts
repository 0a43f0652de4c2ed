/** What an `fdd` is opened with, on both backends. */
import { t } from "../../core/provider/index.ts";
import { FORMAT_NAMES } from "./geometry.ts";

const SIZE_BYTES_DEFAULT = 1_474_560;
const SIZE_BYTES_MAX = 2_949_120;

export const floppyOptions = t.Object(
  {
    image: t.String({
      description: "Path of a raw image; empty for a blank disk in memory",
      default: "",
    }),
    sizeBytes: t.Integer({
      description: "Bytes of a blank disk in memory; 0 for an empty drive",
      minimum: 0,
      maximum: SIZE_BYTES_MAX,
      default: SIZE_BYTES_DEFAULT,
    }),
    readOnly: t.Boolean({ description: "The disk is write-protected", default: false }),
    exclusive: t.Boolean({ description: "Locks the image file (io_uring)", default: false }),
    writeBack: t.Boolean({
      description: "Emulated: what is written reaches the image at flush and close",
      default: true,
    }),
    direct: t.Boolean({ description: "io_uring: opens the image with O_DIRECT", default: false }),
    drive: t.Integer({
      description: "Emulated: which drive, 0 to 3 for A to D",
      minimum: 0,
      maximum: 3,
      default: 0,
    }),
    format: t.Union([t.Literal("auto"), ...FORMAT_NAMES.map((name) => t.Literal(name))], {
      description: "Emulated: the format that the driver uses; auto finds it out from the disk",
      default: "auto",
    }),
    timing: t.Union([t.Literal("real"), t.Literal("instant")], {
      description: "Emulated: whether the mechanics take the time that they take",
      default: "real",
    }),
    faults: t.Array(t.String({ maxLength: 200 }), {
      description: 'Emulated: what goes wrong, as in "unreadable lba=5 when=3..9+2"',
      maxItems: 64,
      default: [],
    }),
  },
  { additionalProperties: false },
);
