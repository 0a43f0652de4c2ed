/** Names of the formats that recordings can be exported to. */
export const EXPORT_FORMATS = ["perfetto", "chrome", "ndjson", "fio", "fio-v2", "pcap"] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Formats that are no text, and so nothing for a terminal. */
export const BINARY_FORMATS: readonly ExportFormat[] = ["perfetto", "pcap"];
