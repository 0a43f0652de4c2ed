/**
 * Topic `session`: what recording costs the program, what a recording takes, and how fast it is
 * read, replayed and travelled in. One row for each target of the session engine's speed section.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NS_PER_SECOND } from "../core/clock.ts";
import { CALIBRATION, calibrationPlan, type Row, type SubjectPlan, type Topic } from "./topic.ts";

const MEBIBYTE = 1 << 20;
const FILE = join(tmpdir(), `ioreel-bench-session-${process.pid}`);

function subject(module: string, argument: string, more: Partial<SubjectPlan> = {}): SubjectPlan {
  const path = join(import.meta.dir, module);
  return { from: "subject", module: path, argument, unit: "ns/op", ...more };
}

/** 4 KiB reads at random from 64 MiB in the page cache, 64 in flight. */
const reads = (form: string, more: Partial<SubjectPlan> = {}): SubjectPlan =>
  subject(
    "./subjects/session-read.ts",
    `${FILE} ${64 * MEBIBYTE} 4096 64 random cached ${form}`,
    more,
  );
/** 16 MiB a sample: what is kept in full has to go to a disk. */
const inBursts = { operations: 4096 };

/** A second or less of NOPs a sample: the longest gap of more would be the machine's. */
const gaps = (form: string): SubjectPlan =>
  subject("./subjects/session-nop.ts", `${form} 256`, { unit: "ms", operations: 32_768 * 256 });

const LONG = { seeks: 10_000_000, look: 100_000_000 };
const seek = (events: number): SubjectPlan =>
  subject("./subjects/session-seek.ts", String(events), { unit: "ms", operations: 200 });

const PLAIN = "NOPs, not recorded";
const RECORDED = "NOPs, recorded";
const GAPS = { plain: "gaps, not recorded", recorded: "gaps, recorded" } as const;
const READS = {
  plain: "cached reads, not recorded",
  none: "cached reads, without payload",
  digest: "cached reads, payload as checksums",
  plainBursts: "bursts of reads, not recorded",
  fullBursts: "bursts of reads, with payload",
  full: "cached reads, with payload",
} as const;

/** A row that is one sampler's value, or one of its metrics. */
function valueRow(name: string, sampler: string, target?: number, metric = ""): Row {
  return {
    name,
    better: "lower",
    ...(target === undefined ? {} : { target }),
    digits: 2,
    needs: [sampler],
    value: (median) => median(sampler + metric),
  };
}

/** A row of how much more one sampler takes than another, in nanoseconds. */
function moreRow(name: string, of: string, than: string, target?: number): Row {
  return {
    name,
    better: "lower",
    ...(target === undefined ? {} : { target, isRate: true }),
    digits: 1,
    needs: [of, than],
    value: (median) => median(of) - median(than),
  };
}

function rateRow(name: string, sampler: string, target?: number): Row {
  return {
    name,
    better: "higher",
    ...(target === undefined ? {} : { target, isRate: true }),
    digits: 0,
    needs: [sampler],
    value: (median) => NS_PER_SECOND / median(sampler),
  };
}

const topic: Topic = {
  name: "session",
  samplers: {
    [CALIBRATION]: calibrationPlan,
    [RECORDED]: subject("./subjects/nop-recorded.ts", "256"),
    [PLAIN]: subject("./subjects/nop-ring.ts", "256"),
    [READS.plain]: reads("nothing"),
    [READS.none]: reads("none"),
    [READS.digest]: reads("digest"),
    [READS.plainBursts]: reads("nothing-bursts", inBursts),
    [READS.fullBursts]: reads("full-bursts", inBursts),
    [READS.full]: reads("full", inBursts),
    [GAPS.recorded]: gaps("recorded"),
    [GAPS.plain]: gaps("plain"),
    size: subject("./subjects/session-size.ts", "1000000", { unit: "bytes/op", operations: 1 }),
    "open and verify": subject("./subjects/session-decode.ts", "verify 1000000", {
      unit: "ns/event",
    }),
    decode: subject("./subjects/session-decode.ts", "decode 1000000", { unit: "ns/event" }),
    "replay, io_uring": subject("./subjects/session-replay.ts", "uring"),
    "replay, emulated": subject("./subjects/session-replay.ts", "emulated"),
    "seek in 10^7": seek(LONG.seeks),
    "seek in 10^8": seek(LONG.look),
    "open 1 GB": subject("./subjects/session-open.ts", "1000000000", { unit: "ms", operations: 1 }),
    snapshot: subject("./subjects/session-snapshot.ts", "", { unit: "µs", operations: 100 }),
  },
  rows: [
    moreRow("Metadata of a NOP, 256 in flight: ns/op more than unrecorded", RECORDED, PLAIN, 60),
    {
      name: "Metadata of cached 4 KiB reads, 64 in flight: time / unrecorded time",
      better: "lower",
      target: 1.1,
      digits: 3,
      needs: [READS.none, READS.plain],
      value: (median) => median(READS.none) / median(READS.plain),
    },
    {
      name: "Checksums of cached 4 KiB reads, 64 in flight: time / unrecorded time",
      better: "lower",
      digits: 3,
      needs: [READS.digest, READS.plain],
      value: (median) => median(READS.digest) / median(READS.plain),
    },
    moreRow(
      "Payload of cached 4 KiB reads, bursts of 1 MiB: ns/op more than unrecorded",
      READS.fullBursts,
      READS.plainBursts,
      600,
    ),
    moreRow(
      "Payload of cached 4 KiB reads without a pause, as fast as it is stored: ns/op more",
      READS.full,
      READS.plain,
    ),
    valueRow(
      "Stall: a gap of the recorded NOP loop that one in 1,000 exceeds, ms",
      GAPS.recorded,
      1,
      ": p99.9 ms",
    ),
    valueRow("Stall: the longest gap of the recorded NOP loop, ms", GAPS.recorded, 5),
    valueRow("Stall: the longest gap of the same loop unrecorded, ms", GAPS.plain),
    valueRow("Size: bytes stored for an operation, without payload", "size", 10),
    rateRow("Reading: events decoded and verified in a second", "open and verify", 10_000_000),
    rateRow("Reading: events decoded in a second, checksums included", "decode"),
    rateRow(
      "Strict replay: operations in a second, session of io_uring",
      "replay, io_uring",
      1_000_000,
    ),
    rateRow(
      "Strict replay: operations in a second, emulated machine run again",
      "replay, emulated",
      1_000_000,
    ),
    valueRow("Seek: p99 in a recording of 10^7 events, ms", "seek in 10^7", 50),
    valueRow("Seek: p99 in a recording of 10^8 events, ms", "seek in 10^8"),
    valueRow("Opening 1 GB, verified as read, ms", "open 1 GB", 20),
    valueRow(
      "Opening 1 GB and reading in it: memory of the process, MiB",
      "open 1 GB",
      128,
      ": process MiB",
    ),
    valueRow("Snapshot of which 20 pages changed, µs of the program's thread", "snapshot", 100),
  ],
};

export default topic;
