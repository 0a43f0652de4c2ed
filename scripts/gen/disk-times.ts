/**
 * How long disks take: what the numbers of a drive's specification come to by arithmetic, beside
 * what the emulated machine's clock shows. The arithmetic uses nothing of the models.
 */
import { startRuntime } from "../../core/runtime/start.ts";
import { Random } from "../../core/random.ts";
import { ata } from "../../providers/ata/provider.ts";
import { fdd } from "../../providers/fdd/provider.ts";
import { sata } from "../../providers/sata/provider.ts";

/** One comparison. Equal units on both sides. */
export interface DiskTime {
  readonly what: string;
  readonly unit: string;
  readonly computed: number;
  readonly measured: number;
}

const SECTOR = 512;
const BLOCK = 4096;
const providers = [ata, sata, fdd] as const;

/** Everything of a format that its time depends on: rate in kbit/s, gap 3, and milliseconds. */
const FLOPPIES = [
  { format: "160K", tracks: 40, heads: 1, sectors: 8, rpm: 300, rate: 250, gap: 0x50, stepMs: 4 },
  { format: "360K", tracks: 40, heads: 2, sectors: 9, rpm: 300, rate: 250, gap: 0x50, stepMs: 4 },
  { format: "720K", tracks: 80, heads: 2, sectors: 9, rpm: 300, rate: 250, gap: 0x50, stepMs: 4 },
  { format: "1.2M", tracks: 80, heads: 2, sectors: 15, rpm: 360, rate: 500, gap: 0x54, stepMs: 3 },
  { format: "1.44M", tracks: 80, heads: 2, sectors: 18, rpm: 300, rate: 500, gap: 0x6c, stepMs: 3 },
  {
    format: "2.88M",
    tracks: 80,
    heads: 2,
    sectors: 36,
    rpm: 300,
    rate: 1000,
    gap: 0x53,
    stepMs: 3,
  },
] as const;
type Floppy = (typeof FLOPPIES)[number];

const SETTLE_MS = 15;
/** Sync 12, ID mark 4, C H R N, CRC 2, gap 22, sync 12, data mark 4, data, CRC 2. */
const SECTOR_ON_TRACK = 12 + 4 + 4 + 2 + 22 + 12 + 4 + SECTOR + 2;

/** The parts of reading a whole floppy, in seconds. */
function floppyParts({ tracks, heads, sectors, rpm, rate, gap, stepMs }: Floppy) {
  const pitch = ((SECTOR_ON_TRACK + gap) * 8) / (rate * 1000);
  return {
    bytes: tracks * heads * sectors * SECTOR,
    turns: tracks * heads * (60 / rpm),
    steps: ((tracks - 1) * (stepMs + SETTLE_MS)) / 1000,
    ids: tracks * 1.5 * pitch,
  };
}

/** Reads a floppy from its first to its last sector. The motor turns already. */
async function readFloppy(floppy: Floppy): Promise<DiskTime> {
  const { bytes, turns, steps, ids } = floppyParts(floppy);
  await using io = await startRuntime({ backend: "emulated", seed: 1, providers });
  const { format } = floppy;
  const measured = await io.run(async () => {
    const disk = await io.open("fdd", { sizeBytes: bytes, format });
    const startNs = io.now();
    await disk.read(bytes);
    return (io.now() - startNs) / 1e9;
  });
  return { what: format, unit: "s", computed: turns + steps + ids, measured };
}

const TURN_MS = 60_000 / 7200;
const TRACK_SECTORS = 2048;
const COMMAND_MS = 0.1;
const MEAN_SEEK_MS = 8.5;
const seekMs = (stroke: number): number => (stroke === 0 ? 0 : 0.8 + 14.4375 * Math.sqrt(stroke));
const transferMs = (bytes: number): number => (bytes / SECTOR / TRACK_SECTORS) * TURN_MS;

/** Shortest positioning time first: the mean of so many accesses with so many to choose from. */
function nearestOf(depth: number, accesses: number): number {
  const random = new Random(99);
  const fresh = () => ({ at: random.unit(), angle: random.unit() });
  const queue = Array.from({ length: depth }, fresh);
  let nowMs = 0;
  let head = 0.5;
  for (let n = 0; n < accesses; n++) {
    const times = queue.map(({ at, angle }) => {
      const seek = COMMAND_MS + seekMs(Math.abs(at - head));
      const turned = ((nowMs + seek) / TURN_MS) % 1;
      return seek + ((angle - turned + 1) % 1) * TURN_MS;
    });
    const best = Math.min(...times);
    const next = times.indexOf(best);
    nowMs += best + transferMs(BLOCK);
    head = queue[next]!.at;
    queue[next] = fresh();
  }
  return nowMs / accesses;
}

const DISK_BYTES = 2 ** 40;
const ACCESSES = 1500;

/** @returns milliseconds of one of many random reads of 4 KiB, so many of them at once */
async function randomReads(kind: "ata" | "sata", timing: string, depth: number): Promise<number> {
  await using io = await startRuntime({ backend: "emulated", seed: 5, providers });
  return await io.run(async () => {
    const disk = await io.open(kind, { sizeBytes: DISK_BYTES, timing } as object);
    const startNs = io.now();
    let left = ACCESSES;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await disk.read(BLOCK, { offset: io.random.below(2 ** 28) * BLOCK });
    };
    await Promise.all(Array.from({ length: depth }, worker));
    return (io.now() - startNs) / ACCESSES / 1e6;
  });
}

async function perSecond(
  what: string,
  computedMs: number,
  ...load: Parameters<typeof randomReads>
): Promise<DiskTime> {
  const measured = 1000 / (await randomReads(...load));
  return { what, unit: "reads/s", computed: 1000 / computedMs, measured };
}

const COMMAND_BYTES = 128 * 1024;
const DRQ_BLOCK_BYTES = 16 * SECTOR;

/** Reads one after the other on an IDE channel. */
async function sequentialReads(dma: "auto" | "pio", bytes: number): Promise<DiskTime[]> {
  await using io = await startRuntime({ backend: "emulated", seed: 5, providers });
  const total = 32 * bytes;
  const found = await io.run(async () => {
    const disk = await io.open("ata", { sizeBytes: DISK_BYTES, timing: "hdd7200", dma });
    const raised = (): number => disk.statistics()!["interrupts"]!;
    // The head comes to where the reads begin.
    await disk.read(SECTOR);
    await disk.read(bytes);
    const [startNs, before] = [io.now(), raised()];
    for (let offset = bytes; offset <= total; offset += bytes) await disk.read(bytes, { offset });
    const seconds = (io.now() - startNs) / 1e9;
    return { rate: total / seconds / 1e6, interrupts: raised() - before };
  });
  const command = Math.min(bytes, COMMAND_BYTES);
  const rate = command / (COMMAND_MS + transferMs(command)) / 1000;
  const each = dma === "pio" ? Math.min(command, DRQ_BLOCK_BYTES) : command;
  const what = `${dma === "pio" ? "PIO" : "DMA"}, ${bytes / 1024} KiB each`;
  return [
    { what, unit: "MB/s", computed: rate, measured: found.rate },
    { what, unit: "interrupts", computed: total / each, measured: found.interrupts },
  ];
}

/** All comparisons, by section of the page. */
export async function diskTimes() {
  const single = COMMAND_MS + MEAN_SEEK_MS + TURN_MS / 2 + transferMs(BLOCK);
  const ssdMs = 0.07 + (BLOCK / 530e6) * 1000;
  const floppies = await Promise.all(FLOPPIES.map(readFloppy));
  return {
    floppies,
    random: [
      await perSecond("`ata`, one at a time", single, "ata", "hdd7200", 1),
      await perSecond("`sata`, one at a time", single, "sata", "hdd7200", 1),
      await perSecond("`sata`, 32 queued (NCQ)", nearestOf(32, 20_000), "sata", "hdd7200", 32),
      await perSecond("`sata`, `ssd`, one at a time", ssdMs, "sata", "ssd", 1),
      await perSecond("`sata`, `ssd`, 32 queued", ssdMs / 8, "sata", "ssd", 32),
    ],
    sequential: [
      ...(await sequentialReads("auto", 2 ** 20)),
      ...(await sequentialReads("pio", 2 ** 20)),
      ...(await sequentialReads("auto", BLOCK)),
      ...(await sequentialReads("pio", BLOCK)),
    ],
  };
}
