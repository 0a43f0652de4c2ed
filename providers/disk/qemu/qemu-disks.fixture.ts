/** QEMU's PCs with disks, and our providers on them: the driver unchanged, no model of ours. */
import { afterAll, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { defineProvider } from "../../../core/provider/index.ts";
import { driveAta } from "../../ata/emulated.ts";
import { ata } from "../../ata/provider.ts";
import { BUS_MASTER_PORT, COMMAND_PORTS, CONTROL_PORTS } from "../../ata/registers.ts";
import { QemuMachine, startOnQemu } from "./qemu-machine.fixture.ts";
import { missingQemu, Qtest } from "./qtest.fixture.ts";

export const qemuTest = test.skipIf(missingQemu !== undefined);

const nothingSaved = { snapshot: () => new Uint8Array(0), restore() {} };

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
    ...["-drive", `if=none,id=${id},file=${image},format=raw,${media}`],
    ...["-device", `${kind},drive=${id},${place}`],
  ];
}

/** PIIX3's IDE function, with its bus master where our driver looks for it. */
export function enableIde(qtest: Qtest): void {
  qtest.configure(1, 1, 0x20, BUS_MASTER_PORT | 1);
  qtest.configure(1, 1, 0x04, 5);
  // The decoding of both channels is on (IDETIM bit 15).
  qtest.configure(1, 1, 0x40, 0x80008000);
}

const ideWiring = {
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
} as const;

const qemuAta = defineProvider({
  ...ata,
  emulated(cx) {
    const used = new Set<string>();
    return driveAta(cx, {
      ...nothingSaved,
      name: "ata.qemu",
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

/** Runs a program on our `ata` provider with QEMU's IDE controller behind it. */
export async function withIde<T>(
  folder: string,
  drives: readonly string[],
  body: (io: ReturnType<typeof startOnQemu<typeof qemuAta>>, qtest: Qtest) => Promise<T>,
): Promise<T> {
  const qtest = new Qtest({ folder, machine: "pc", arguments: drives });
  try {
    enableIde(qtest);
    const io = startOnQemu(new QemuMachine(qtest, ideWiring), qemuAta);
    try {
      return await io.run(() => body(io, qtest));
    } finally {
      await io.close();
    }
  } finally {
    await qtest.close();
  }
}
