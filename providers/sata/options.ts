/** What a `sata` disk is opened with, on both backends. */
import { t, type Static } from "../../core/provider/index.ts";
import { elevatorOption, imageOptions, modelOptions } from "../disk/options.ts";

export const sataOptions = t.Object(
  {
    ...imageOptions,
    port: t.Integer({
      description: "The adapter's port; -1 for the first that is free (emulated)",
      minimum: -1,
      maximum: 5,
      default: -1,
    }),
    packet: t.Boolean({
      description: "A CD drive with 2,048-byte sectors, read-only",
      default: false,
    }),
    queueDepth: t.Integer({
      description: "Commands in the disk's queue, 0 for a disk without NCQ (emulated)",
      minimum: 0,
      maximum: 32,
      default: 32,
    }),
    elevator: elevatorOption("scan"),
    ...modelOptions,
  },
  { additionalProperties: false },
);

export type SataOptions = Static<typeof sataOptions>;
