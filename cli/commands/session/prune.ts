/** `ioreel session prune`: removes from the library what is beyond its bounds. */
import {
  DEFAULT_BOUNDS,
  pruneLibrary,
  type RetentionBounds,
} from "../../../core/session/library/retention.ts";
import { json, out } from "../../output.ts";
import { formatSize, plural } from "../../scenario/units.ts";

export interface PruneFlags {
  keep?: number;
  /** Milliseconds. */
  older?: number;
  /** Bytes. */
  size?: number;
  dryRun?: boolean;
  json?: boolean;
}

export async function prune(flags: PruneFlags): Promise<number> {
  const { keep, older, size } = flags;
  const isBounded = keep !== undefined || older !== undefined || size !== undefined;
  const bounds: RetentionBounds = isBounded
    ? { keep, olderThanMs: older, sizeBytes: size }
    : DEFAULT_BOUNDS;
  const isDry = flags.dryRun === true;
  const { kept, keptBytes, removed } = pruneLibrary(bounds, isDry);
  const paths = removed.map(({ path }) => path);
  if (flags.json === true) {
    json("session-prune/v1", { dryRun: isDry, removed: paths, kept, keptBytes });
    return 0;
  }
  for (const path of paths) out(`${isDry ? "would remove" : "removed"} ${path}`);
  const freed = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const what = `${plural(paths.length, "recording")}, ${formatSize(freed)}`;
  out(`${isDry ? "would remove" : "removed"} ${what}; ${kept} stay, ${formatSize(keptBytes)}`);
  return 0;
}
