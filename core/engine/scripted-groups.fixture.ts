/** Buffer groups of a ring that a test plays: what was opened, given back and closed. */
import type { Ring } from "../backend/contract.ts";

export interface ScriptedGroup {
  readonly address: number;
  readonly bufferBytes: number;
  readonly count: number;
  readonly given: number[];
  open: boolean;
}

/** The calls of a ring about groups. */
export function scriptedGroups(
  groups: ScriptedGroup[],
): Pick<Ring, "openGroup" | "giveBuffer" | "closeGroup"> {
  return {
    openGroup: (address, bufferBytes, count) =>
      groups.push({ address, bufferBytes, count, given: [], open: true }) - 1,
    giveBuffer: (group, buffer) => {
      groups[group]!.given.push(buffer);
    },
    closeGroup: (group) => {
      groups[group]!.open = false;
    },
  };
}
