/** What an `ata` disk is opened with, on both backends. */
import { t, type Static } from "../../core/provider/index.ts";
import { elevatorOption, imageOptions, modelOptions } from "../disk/options.ts";

export const ataOptions = t.Object(
  {
    ...imageOptions,
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
    elevator: elevatorOption("scan"),
    ...modelOptions,
  },
  { additionalProperties: false },
);

export type AtaOptions = Static<typeof ataOptions>;
