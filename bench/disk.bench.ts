/** Topic `disk`: disks on io_uring against C, fio and Bun's own files; emulated controllers. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NS_PER_SECOND } from "../core/clock.ts";
import {
  CALIBRATION,
  calibrationPlan,
  type PeerPlan,
  type SubjectPlan,
  type Topic,
} from "./topic.ts";
import { PIO_BYTES } from "./subjects/disk-file.ts";

const MEBIBYTE = 1 << 20;
const FILE = join(tmpdir(), `ioreel-bench-disk-${process.pid}`);
const FILE_BYTES = 256 * MEBIBYTE;
/** The part that is read by way of the page cache. */
const CACHED_BYTES = 64 * MEBIBYTE;

/** Words of disk-file.ts: what is read of the file, and how. */
const cached = `${FILE} ${CACHED_BYTES} 4096 32 random cached`;
const direct = `${FILE} ${FILE_BYTES} 4096 32 random direct`;
const sequential = `${FILE} ${FILE_BYTES} ${MEBIBYTE} 8 sequential direct`;

function subject(module: string, argument: string, more: Partial<SubjectPlan> = {}): SubjectPlan {
  const path = join(import.meta.dir, module);
  return { from: "subject", module: path, argument, unit: "ns/op", ...more };
}

const ioreel = (words: string): SubjectPlan => subject("./subjects/disk-ioreel.ts", words);
const fio = (words: string): SubjectPlan =>
  subject("./subjects/disk-fio.ts", words, { operations: 1 });
const peer = (argument: string): PeerPlan => {
  return { from: "peer", source: "disk.c", argument, unit: "ns/op" };
};

const emulated = (controller: string): SubjectPlan =>
  subject("./subjects/disk-emulated.ts", controller);

const ELEVATORS = ["fifo", "scan", "deadline"] as const;
const ELEVATOR_LOADS = {
  reads: "4 KiB random reads, 32 at once",
  writes: "4 KiB sequential FUA writes, 32 at once",
} as const;
const elevatorCases = ELEVATORS.flatMap((elevator) =>
  (["reads", "writes"] as const).map((load) => ({
    elevator,
    load,
    sampler: `${elevator} ${load}`,
  })),
);

/** A row that shows how many times as fast something is as another. */
function speed(name: string, of: string, over: string, target?: number): Topic["rows"][number] {
  return {
    name,
    better: "higher",
    ...(target === undefined ? {} : { target }),
    digits: 3,
    needs: [of, over],
    value: (median) => median(over) / median(of),
  };
}

const topic: Topic = {
  name: "disk",
  samplers: {
    [CALIBRATION]: calibrationPlan,
    "cached, ioreel callbacks": ioreel(`${cached} callback`),
    "cached, C": peer(cached),
    "cached, ioreel promises": ioreel(`${cached} promise`),
    "cached, fs.promises": subject("./subjects/disk-node.ts", `${cached} promise`),
    "cached, fs.read": subject("./subjects/disk-node.ts", `${cached} callback`),
    "cached, fs.readSync": subject("./subjects/disk-node.ts", `${cached} sync`),
    "direct, ioreel": ioreel(`${direct} callback`),
    "direct, fio": fio(direct),
    "direct, C": peer(direct),
    "1 MiB, ioreel": ioreel(`${sequential} callback`),
    "1 MiB, fio": fio(sequential),
    "emulated AHCI": emulated("ahci"),
    "emulated PIO": emulated("pio"),
    ...Object.fromEntries(
      elevatorCases.map(({ sampler }) => [
        sampler,
        subject("./subjects/disk-elevator.ts", sampler, { operations: 640 }),
      ]),
    ),
    "emulated floppy": subject("./subjects/disk-floppy.ts", "", { unit: "x", operations: 8 }),
  },
  rows: [
    speed(
      "cached 4 KiB random reads, 32 in flight: ioreel callbacks / C liburing",
      "cached, ioreel callbacks",
      "cached, C",
      0.85,
    ),
    {
      name: "cached 4 KiB random reads, 32 in flight: ioreel promises / best async of Bun",
      better: "higher",
      target: 2,
      digits: 3,
      needs: ["cached, ioreel promises", "cached, fs.promises", "cached, fs.read"],
      value: (median) =>
        Math.min(median("cached, fs.promises"), median("cached, fs.read")) /
        median("cached, ioreel promises"),
    },
    speed(
      "cached 4 KiB random reads: ioreel callbacks / fs.readSync",
      "cached, ioreel callbacks",
      "cached, fs.readSync",
    ),
    speed("O_DIRECT 4 KiB random reads: ioreel / fio", "direct, ioreel", "direct, fio", 0.97),
    speed("O_DIRECT 4 KiB random reads: ioreel / C liburing", "direct, ioreel", "direct, C"),
    speed("O_DIRECT 1 MiB sequential reads: ioreel / fio", "1 MiB, ioreel", "1 MiB, fio", 0.97),
    {
      name: "emulated AHCI, instant: 4 KiB commands per second, 32 queued",
      better: "higher",
      target: 150_000,
      isRate: true,
      digits: 0,
      needs: ["emulated AHCI"],
      value: (median) => NS_PER_SECOND / median("emulated AHCI"),
    },
    {
      name: "emulated ATA by PIO, instant: MB/s in reads of 64 KiB",
      better: "higher",
      target: 60,
      isRate: true,
      digits: 1,
      needs: ["emulated PIO"],
      value: (median) => (PIO_BYTES * 1000) / median("emulated PIO"),
    },
    {
      name: "emulated 1.44 MB floppy, read end to end: virtual / real time",
      better: "higher",
      target: 1000,
      isRate: true,
      digits: 0,
      needs: ["emulated floppy"],
      value: (median) => median("emulated floppy"),
    },
    ...elevatorCases.map(({ elevator, load, sampler }) => ({
      name: `emulated ATA, hdd7200, ${elevator}: ${ELEVATOR_LOADS[load]}, per virtual second`,
      better: "higher" as const,
      isRate: true,
      digits: 0,
      needs: [sampler],
      value: (median: (sampler: string) => number) => NS_PER_SECOND / median(sampler),
    })),
  ],
};

export default topic;
