/** What every disk driver counts about a disk, as fields of its record, and shows as statistics. */
import { u53 } from "../../core/provider/index.ts";

export const countShape = {
  /** Commands given to the hardware, or requests to the kernel. */
  commands: u53,
  /** Interrupts that were for this disk. */
  interrupts: u53,
  readBytes: u53,
  writtenBytes: u53,
} as const;

export type Counts = { -readonly [Name in keyof typeof countShape]: number };

/** The counts of a record, copied. */
export function statisticsOf(record: Readonly<Counts>): Counts {
  const { commands, interrupts, readBytes, writtenBytes } = record;
  return { commands, interrupts, readBytes, writtenBytes };
}
