/**
 * Topic `core`: the ring, the engine, the emulated machine, pipes, recording, and what starting and
 * holding all that costs. One row for each target of the core's speed section.
 */
import { join } from "node:path";
import { CALIBRATION, calibrationPlan, type SubjectPlan, type Topic } from "./topic.ts";

const path = (module: string): string => join(import.meta.dir, module);

function subject(module: string, argument: string, more: Partial<SubjectPlan> = {}): SubjectPlan {
  return { from: "subject", module: path(module), argument, unit: "ns/op", ...more };
}

const peer = (argument: string) =>
  ({ from: "peer", source: "nop.c", argument, unit: "ns/op" }) as const;

/** Transitions of a heap sample, and what the collector itself leaves lying about. */
const TRANSITIONS = 1_000_000;
const HEAP_NOISE_BYTES = 4096;

const heapGrowth = (backend: string): SubjectPlan =>
  subject("./subjects/heap-growth.ts", backend, {
    unit: "bytes",
    operations: TRANSITIONS,
  });

const tableMemory = (backend: string): SubjectPlan =>
  subject("./subjects/table-memory.ts", backend, { unit: "MiB", fresh: true });

const topic: Topic = {
  name: "core",
  samplers: {
    [CALIBRATION]: calibrationPlan,
    "emulated interrupt": subject("./subjects/emulated-interrupt.ts", ""),
    "C, batch 128": peer("128"),
    "ring, batch 128": subject("./subjects/nop-ring.ts", "128"),
    "C, batch 1": peer("1"),
    "ring, batch 1": subject("./subjects/nop-ring.ts", "1"),
    "promise, 256 in flight": subject("./subjects/nop-promise.ts", "256"),
    "ring, batch 256": subject("./subjects/nop-ring.ts", "256"),
    "callback, 256 in flight": subject("./subjects/nop-callback.ts", "256"),
    "recorded ring, batch 256": subject("./subjects/nop-recorded.ts", "256"),
    "node:fs callbacks, 64 KiB": subject("./subjects/pipe-node-fs.ts", "callback"),
    "ioreel pipe, 64 KiB": subject("./subjects/pipe-ioreel.ts", ""),
    "node:fs promises, 64 KiB": subject("./subjects/pipe-node-fs.ts", "promise"),
    "empty Bun script": { from: "program", script: [path("./peers/empty.ts")], unit: "ms" },
    "ioreel --help": { from: "program", script: [path("../cli/main.ts"), "--help"], unit: "ms" },
    "heap growth, emulated": heapGrowth("emulated"),
    "heap growth, io_uring": heapGrowth("uring"),
    "table memory, emulated": tableMemory("emulated"),
    "table memory, io_uring": tableMemory("uring"),
  },
  rows: [
    {
      name: "NOP rate: bare ring / liburing C, batch 128",
      better: "higher",
      target: 0.85,
      digits: 3,
      needs: ["C, batch 128", "ring, batch 128"],
      value: (median) => median("C, batch 128") / median("ring, batch 128"),
    },
    {
      name: "NOP rate: bare ring / liburing C, batch 1",
      better: "higher",
      target: 0.85,
      digits: 3,
      needs: ["C, batch 1", "ring, batch 1"],
      value: (median) => median("C, batch 1") / median("ring, batch 1"),
    },
    {
      name: "NOP time: descriptor + layer + promise / bare ring, 256 in flight",
      better: "lower",
      target: 2,
      digits: 2,
      needs: ["promise, 256 in flight", "ring, batch 256"],
      value: (median) => median("promise, 256 in flight") / median("ring, batch 256"),
    },
    {
      name: "NOP time: descriptor + layer + callback / bare ring, 256 in flight",
      better: "lower",
      target: 1.4,
      digits: 2,
      needs: ["callback, 256 in flight", "ring, batch 256"],
      value: (median) => median("callback, 256 in flight") / median("ring, batch 256"),
    },
    {
      name: `Heap growth over 10^6 transitions, bytes (0; ${HEAP_NOISE_BYTES} is noise)`,
      better: "lower",
      target: HEAP_NOISE_BYTES,
      digits: 0,
      needs: ["heap growth, emulated"],
      also: ["heap growth, io_uring"],
      value: (median) =>
        Math.max(median("heap growth, emulated"), median("heap growth, io_uring", 0)),
    },
    {
      name: "Time: emulated interrupt + layer + promise / calibration loop",
      better: "lower",
      target: 4.5,
      digits: 2,
      needs: ["emulated interrupt"],
      value: (median) => median("emulated interrupt") / median(CALIBRATION),
    },
    {
      name: "64 KiB pipe transfer rate: ioreel / the faster of node:fs's two asynchronous forms",
      better: "higher",
      target: 1.5,
      digits: 2,
      needs: ["ioreel pipe, 64 KiB", "node:fs callbacks, 64 KiB", "node:fs promises, 64 KiB"],
      value(median) {
        const best = Math.min(
          median("node:fs callbacks, 64 KiB"),
          median("node:fs promises, 64 KiB"),
        );
        return best / median("ioreel pipe, 64 KiB");
      },
    },
    {
      name: "Wall time: ioreel --help / an empty Bun script",
      better: "lower",
      target: 4,
      digits: 2,
      needs: ["empty Bun script", "ioreel --help"],
      value: (median) => median("ioreel --help") / median("empty Bun script"),
    },
    {
      name: "Recording metadata on the NOP ring, ns/op (60 at a calibration loop of 220)",
      better: "lower",
      target: 60,
      isRate: true,
      digits: 1,
      needs: ["recorded ring, batch 256", "ring, batch 256"],
      value: (median) => median("recorded ring, batch 256") - median("ring, batch 256"),
    },
    {
      name: "Memory of a table of 65,536 slots in use, MiB",
      better: "lower",
      target: 80,
      digits: 1,
      needs: ["table memory, emulated"],
      also: ["table memory, io_uring"],
      value: (median) =>
        Math.max(median("table memory, emulated"), median("table memory, io_uring", 0)),
    },
  ],
};

export default topic;
