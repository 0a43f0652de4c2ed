/** Blobs of files that may be hostile: none is read before it is known to be small enough. */
import { sql } from "drizzle-orm";
import type { attachment, chunk, segment, snapshot } from "./schema.ts";

type BlobColumn =
  typeof attachment.content | typeof chunk.data | typeof segment.data | typeof snapshot.chunks;

/** A blob column whose value is null when it is longer than a bound in bytes, or no blob. */
export function bounded(column: BlobColumn, maximum: number) {
  return sql<Uint8Array | null>`case when typeof(${column}) = 'blob'
    and length(${column}) <= ${sql.raw(String(maximum))} then ${column} end`;
}
