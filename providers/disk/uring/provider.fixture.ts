/** A provider that is nothing but the io_uring disk, for tests and for processes beside them. */
import { defineProvider, t } from "../../../core/provider/index.ts";
import { DISK_OPCODES } from "../definition.ts";
import { MEDIA_CHANGE } from "../media-change.ts";
import { SUSPENSION } from "../suspension.ts";
import { uringDisk } from "./disk.ts";

export const disk = defineProvider({
  kind: "disk",
  version: "0.0.1",
  stateVersion: 1,
  summary: "An image on io_uring",
  options: t.Object(
    {
      image: t.String({ default: "" }),
      sizeBytes: t.Integer({ default: 0, minimum: 0 }),
      blockBytes: t.Integer({ default: 512 }),
      readOnly: t.Boolean({ default: false }),
      exclusive: t.Boolean({ default: false }),
      direct: t.Boolean({ default: false }),
    },
    { additionalProperties: false },
  ),
  operations: {
    read: { direction: "read", summary: "Reads", positioned: true },
    write: { direction: "write", summary: "Writes", positioned: true, argument: "1: durable" },
    flush: { direction: "none", summary: "Makes durable" },
    discard: { direction: "none", summary: "Forgets", argument: "bytes" },
    identify: { direction: "read", summary: "Tells" },
    ...SUSPENSION,
    ...MEDIA_CHANGE,
  },
  ends: {
    main: {
      operations: ["read", "write", "flush", "discard", "identify", "suspend", "resume"],
    },
  },
  capabilities: { shortTransfers: true, cancel: true, restore: ["uring"] },
  opcodes: DISK_OPCODES,
  uring: (cx) =>
    uringDisk(cx, {
      kind: "disk",
      blockBytes: ({ blockBytes }) => blockBytes,
      identity: () => ({ model: "IOREEL TEST", serial: "T-1" }),
    }),
});
