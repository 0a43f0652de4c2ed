/** QEMU's PCs with disks, and our providers on them: the driver unchanged, no model of ours. */
import { afterAll, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { defineProvider, type Provider } from "../../../core/provider/index.ts";
import { driveAta } from "../../ata/emulated.ts";
import { ata } from "../../ata/provider.ts";
import { BUS_MASTER_PORT, COMMAND_PORTS, CONTROL_PORTS } from "../../ata/registers.ts";
import { driveFloppy } from "../../fdd/emulated.ts";
import { fdd } from "../../fdd/provider.ts";
import { FDC_BASE, FDC_LINE } from "../../fdd/registers.ts";
import { driveSata } from "../../sata/emulated.ts";
import { sata } from "../../sata/provider.ts";
import { ABAR, ABAR_BYTES, SATA_LINE } from "../../sata/registers.ts";
import { QemuMachine, startOnQemu, type Wiring } from "./qemu-machine.fixture.ts";
import { missingQemu, Qtest, type QtestOptions } from "./qtest.fixture.ts";

export const qemuTest = test.skipIf(missingQemu !== undefined);

const nothingSaved = { name: "qemu", snapshot: () => new Uint8Array(0), restore() {} };

/** Makes folders that vanish with a test file's tests. */
export function makeFolders(): () => string {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-qemu-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return () => mkdtempSync(join(folder, "m"));
}

/** The arguments that put an image into a place on an IDE cable, or into a port of the AHCI's. */
export function driveArguments(image: string, place: string, kind = "ide-hd"): string[] {
  const id = `d${place.replaceAll(/\W/g, "")}`;
  const media = kind === "ide-cd" ? "readonly=on" : "discard=unmap";
  return [
    "-drive",
    `if=none,id=${id},file=${image},format=raw,${media}`,
    "-device",
    `${kind},drive=${id},${place}`,
  ];
}

/** The arguments that put images into floppy drives A and B. */
export function floppyArguments(...images: string[]): string[] {
  return images.flatMap((image, i) => ["-drive", `if=floppy,index=${i},file=${image},format=raw`]);
}

/** PIIX3's IDE function, with its bus master where our driver looks for it. */
export function enableIde(qtest: Qtest): void {
  qtest.configure(1, 1, 0x20, BUS_MASTER_PORT | 1);
  qtest.configure(1, 1, 0x04, 5);
  // The decoding of both channels is on (IDETIM bit 15).
  qtest.configure(1, 1, 0x40, 0x80008000);
}

/** ICH9's AHCI function, with its registers where our driver looks for them. */
export function enableAhci(qtest: Qtest): void {
  qtest.configure(31, 2, 0x24, ABAR);
  qtest.configure(31, 2, 0x04, 6);
}

const idePorts: Wiring = {
  ports: [
    [COMMAND_PORTS[0], 8],
    [COMMAND_PORTS[1], 8],
    [CONTROL_PORTS[0], 1],
    [CONTROL_PORTS[1], 1],
    [BUS_MASTER_PORT, 16],
  ],
  lines: {
    14: { line: 14, trigger: "level" },
    15: { line: 15, trigger: "level" },
  },
};

const qemuAta = defineProvider({
  ...ata,
  emulated(cx) {
    const used = new Set<string>();
    return driveAta(cx, {
      ...nothingSaved,
      has: (channel, drive) => used.has(`${channel}${drive}`),
      plug({ channel, drive, readOnly }) {
        used.add(`${channel}${drive}`);
        return readOnly;
      },
      unplug() {},
      describe: () => "QEMU's",
    });
  },
});

const qemuSata = defineProvider({
  ...sata,
  emulated: (cx) =>
    driveSata(cx, { ...nothingSaved, plug: ({ port }) => Math.max(0, port), unplug() {} }),
});

const qemuFloppy = defineProvider({
  ...fdd,
  emulated: (cx) =>
    driveFloppy(cx, {
      devices: [],
      isUsed: () => false,
      load() {},
      unload() {},
      flush: () => true,
      setTiming() {},
    }),
});

type Body<P extends Provider, T> = (
  io: ReturnType<typeof startOnQemu<P>>,
  qtest: Qtest,
) => Promise<T>;

async function withProvider<P extends Provider, T>(
  options: QtestOptions,
  { enable, wiring, provider }: { enable(qtest: Qtest): void; wiring: Wiring; provider: P },
  body: Body<P, T>,
): Promise<T> {
  const qtest = new Qtest(options);
  try {
    enable(qtest);
    const io = startOnQemu(new QemuMachine(qtest, wiring), provider);
    try {
      return await io.run(() => body(io, qtest));
    } finally {
      await io.close();
    }
  } finally {
    await qtest.close();
  }
}

/** Runs a program on our `ata` provider with QEMU's IDE controller behind it. */
export function withIde<T>(
  folder: string,
  drives: readonly string[],
  body: Body<typeof qemuAta, T>,
): Promise<T> {
  const parts = { enable: enableIde, wiring: idePorts, provider: qemuAta };
  return withProvider({ folder, machine: "pc", arguments: drives }, parts, body);
}

/** The same with `sata` and QEMU's AHCI. Its interrupt pin goes to one of PIRQA to PIRQH. */
export function withAhci<T>(
  folder: string,
  drives: readonly string[],
  body: Body<typeof qemuSata, T>,
): Promise<T> {
  const pins = Array.from({ length: 8 }, (_, pin) => [
    16 + pin,
    { line: SATA_LINE, trigger: "level" as const },
  ]);
  const wiring = { memory: [[ABAR, ABAR_BYTES]], lines: Object.fromEntries(pins) } as const;
  const parts = { enable: enableAhci, wiring, provider: qemuSata };
  return withProvider({ folder, machine: "q35", arguments: drives }, parts, body);
}

/** The same with `fdd` and QEMU's floppy and DMA controllers. */
export function withFloppy<T>(
  folder: string,
  drives: readonly string[],
  body: Body<typeof qemuFloppy, T>,
): Promise<T> {
  const ports = [
    [FDC_BASE, 8],
    [0, 16],
    [0x80, 16],
  ] as const;
  const wiring = { ports, lines: { 6: { line: FDC_LINE, trigger: "edge" } } } as const;
  const parts = { enable() {}, wiring, provider: qemuFloppy };
  return withProvider({ folder, machine: "pc", arguments: drives }, parts, body);
}
