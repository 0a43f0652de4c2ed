/** What is compared with: a recording as a judge sees it, and what its report says beside. */
import type { FieldDifference } from "./divergence.ts";
import type { SegmentSource } from "./segment.ts";

/** A recording, as far as comparing with it needs. */
export interface Recorded {
  readonly source: SegmentSource;
  readonly eventCount: number;
  readonly digest: string;
  /** Whether the recorded run came to its end; otherwise the recording was cut off. */
  readonly complete: boolean;
  /** Kinds of the providers, by index. */
  readonly providerKinds: readonly string[];
}

/** What a report says beside what was compared. */
export interface JudgeOptions {
  /** The command line that does this again. */
  readonly reproduce?: string | undefined;
  /** What is another version than when it was recorded, as lines. */
  readonly versionSkew?: readonly string[] | undefined;
  /** Fields of the state at an event that are others than the recording kept, if it did. */
  readonly explainState?: ((sequence: number) => readonly FieldDifference[]) | undefined;
  /** Whether what differs was called by a program just now, whose place a report then names. */
  readonly callSites?: boolean;
  /** Name of an operation of a kind of provider. */
  readonly operation?: ((kind: string, operation: number) => string) | undefined;
  /** Which parts of a state are compared, in their order; all without it. */
  readonly comparable?: readonly boolean[] | undefined;
}
