/** How much a recording's header may hold before anything of it is read. */
import { ATTACHMENTS_MAX, JSON_BYTES_MAX, NAME_BYTES_MAX, PROVIDERS_MAX } from "./limits.ts";

/** Rows that a table of the header may have. */
export const TABLE_BOUNDS: Readonly<Record<string, number>> = {
  recording: 1,
  provider: PROVIDERS_MAX,
  attachment: ATTACHMENTS_MAX,
};

/** Texts of the header, by their table, and how many bytes each may have. */
export const HEADER_TEXTS: readonly (readonly [string, readonly string[], number])[] = [
  ["recording", ["options", "selection"], JSON_BYTES_MAX],
  [
    "recording",
    ["uuid", "state", "backend", "ioreel", "bun", "kernel", "arch", "digest", "outcome", "seal"],
    NAME_BYTES_MAX * 16,
  ],
  ["provider", ["config"], JSON_BYTES_MAX],
  ["provider", ["kind", "version"], NAME_BYTES_MAX],
  ["attachment", ["name", "sha256"], NAME_BYTES_MAX],
];
