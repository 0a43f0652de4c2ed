/**
 * `fdd`: a floppy disk by sectors of 512 bytes. On the emulated backend an 82077AA controller on
 * ISA DMA with a real driver, which takes the time that a floppy takes; on io_uring an image file.
 *
 * References: [82077] Intel 82077AA data sheet 290166; [8237] Intel 8237A data sheet 231466.
 */
import { defineProvider, t, type Provider } from "../../core/provider/index.ts";
import { emulatedFloppy } from "./emulated.ts";
import { FORMAT_NAMES } from "./geometry.ts";

const SIZE_BYTES_DEFAULT = 1_474_560;
const SIZE_BYTES_MAX = 2_949_120;

const options = t.Object(
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
  },
  { additionalProperties: false },
);

export const fdd: Provider<typeof options, "main", "fdd"> = defineProvider({
  kind: "fdd",
  version: "0.1.0",
  stateVersion: 1,
  summary: "A floppy disk, by sectors",
  options,
  operations: {
    read: {
      direction: "read",
      positioned: true,
      summary: "Reads sectors; 0 bytes at the end of the disk",
    },
    write: {
      direction: "write",
      positioned: true,
      argument: "1: durable when it is over (every floppy write is)",
      summary: "Writes sectors; ENOSPC past the end",
    },
    flush: { direction: "none", summary: "Brings what was written into the image" },
    discard: {
      direction: "none",
      argument: "bytes",
      summary: "EOPNOTSUPP when emulated: a floppy cannot forget sectors",
    },
    identify: { direction: "read", summary: "Brings the drive and its disk as a line of JSON" },
  },
  ends: { main: { operations: ["read", "write", "flush", "discard", "identify"] } },
  capabilities: { shortTransfers: true, cancel: true, restore: ["emulated"] },
  resourcesMax: 4,
  emulated: emulatedFloppy,
});

export default fdd;
