/** Generates docs/disk-timing.md: the formulas, and what they and the emulated machine come to. */
import { diskTimes, type DiskTime } from "./disk-times.ts";

const INTRODUCTION = `# How long a disk takes

On the emulated machine a disk takes virtual time: \`io.now()\` moves on as it would with a real
one, and a program that reads a whole floppy is over in some milliseconds of yours. Each table below
has what the numbers of a drive's specification come to by arithmetic, and what the machine's clock
showed when the drivers did it, command by command. \`bun run gen\` computes and measures both anew
and writes this page; a test holds every row within 5 %.

Registers, memory and the program itself take no time, only the disk does. So PIO is as fast as DMA
here, and costs interrupts; a real IDE channel in PIO mode 4 moves 16.7 MB/s at most (120 ns for two
bytes). \`timing: "instant"\` takes no time at all, which is what tests want.
`;

const FLOPPY = `## A floppy, all of it

The driver (\`fdd\`, \`timing: "real"\`) reads cylinder by cylinder and begins with whatever sector
comes first. The motor turns already (spinning up takes 0.3 s).

\`\`\`text
turns    tracks × heads × 60 s / rpm
steps    (tracks − 1) × (step + settling)    step 3 ms (4 ms at 250 kbit/s), settling 15 ms
IDs      tracks × 1.5 × sector               half a sector until an ID field comes by, and the
                                             sector whose ID that was: reading begins behind it
sector   (574 + gap 3) bytes × 8 / rate      System 34 format: ID and data fields with their marks
\`\`\`

A 1.44M disk: 160 × 0.2 s + 79 × 18 ms + 80 × 1.5 × 10.9 ms = 34.7 s.
`;

const RANDOM = `## Reads of 4 KiB at random

\`timing: "hdd7200"\`, a disk of 1 TiB:

\`\`\`text
command    0.1 ms
seek       0.8 ms + 14.4375 ms × √(part of the stroke)   8.5 ms in the mean: the mean of √ is 8/15
rotation   60 s / 7,200 = 8.33 ms a turn                 4.17 ms in the mean
transfer   8 of a track's 2,048 sectors                  0.03 ms
\`\`\`

One at a time that is 12.8 ms, 78 a second. With 32 queued the disk goes where it is soonest
(shortest positioning time first): the arithmetic draws places and angles, takes the nearest of 32
by the two formulas 20,000 times, and has nothing of the model. \`timing: "ssd"\` takes 70 µs and
530 MB/s, with eight commands at once.
`;

const SEQUENTIAL = `## Reads one after the other

An \`ata\` disk, \`hdd7200\`, 32 reads. The driver's commands have 128 KiB at most; reading on where
the last read ended waits for no turn. By DMA a command has one interrupt, by PIO one for each block
of 16 sectors (READ MULTIPLE).

\`\`\`text
command    0.1 ms + bytes / 512 / 2,048 × 8.33 ms
\`\`\`
`;

function digits(value: number): string {
  const places = value >= 1000 ? 0 : value >= 100 ? 1 : 2;
  const text = Number.isInteger(value) ? String(value) : value.toFixed(places);
  return text.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ",");
}

/** How far the measured value is from the computed one, as a part of it. */
export function deviation({ computed, measured }: DiskTime): number {
  return measured / computed - 1;
}

function table(head: string, rows: readonly DiskTime[]): string {
  const lines = rows.map((row) => {
    const percent = deviation(row) * 100;
    const sign = percent < 0 ? "−" : "+";
    const off = Math.abs(percent) < 0.05 ? "0.0" : `${sign}${Math.abs(percent).toFixed(1)}`;
    const [computed, measured] = [digits(row.computed), digits(row.measured)];
    return `| ${row.what} | ${computed} ${row.unit} | ${measured} ${row.unit} | ${off} % |`;
  });
  const titles = `| ${head} | by arithmetic | on the machine | off by |\n| --- | --: | --: | --: |`;
  return `${titles}\n${lines.join("\n")}\n`;
}

/** The page's text, not yet formatted. */
export async function diskTimingPage(): Promise<string> {
  const { floppies, random, sequential } = await diskTimes();
  return [
    INTRODUCTION,
    FLOPPY,
    table("format", floppies),
    RANDOM,
    table("load", random),
    SEQUENTIAL,
    table("load", sequential),
  ].join("\n");
}
