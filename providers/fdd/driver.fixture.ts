/** A floppy opened on the emulated machine, whose controller a test can reach, and image files. */
import { afterAll } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRuntime } from "../../core/runtime/start.ts";
import type { FloppyController } from "./device.ts";
import { fdd } from "./provider.ts";

/** A folder for the image files of one file of tests, taken away when they are over. */
export function imageFolder() {
  const folder = mkdtempSync(join(tmpdir(), "ioreel-fdd-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let images = 0;
  /** An image file of these contents. */
  const imageOf = (bytes: Uint8Array): string => {
    const path = join(folder, `${++images}.img`);
    writeFileSync(path, bytes);
    return path;
  };
  return { folder, imageOf };
}

type Options = Partial<Parameters<Awaited<ReturnType<typeof start>>["io"]["open"]>[1]>;

/** A runtime whose floppy controller the test can reach, to change its disks. */
export async function start() {
  let fdc: FloppyController | undefined;
  const provider = {
    ...fdd,
    emulated(cx: Parameters<NonNullable<typeof fdd.emulated>>[0]) {
      const driver = fdd.emulated!(cx);
      fdc = driver.devices!.find(({ name }) => name === "82077AA") as unknown as FloppyController;
      return driver;
    },
  } as typeof fdd;
  const io = await startRuntime({ seed: 1, backend: "emulated", providers: [provider] });
  return { io, fdc: () => fdc! };
}

/** Runs a test on an open floppy; reading and writing give the error code where they fail. */
export async function withFloppy(
  options: Options,
  body: (t: {
    io: Awaited<ReturnType<typeof start>>["io"];
    main: Awaited<ReturnType<Awaited<ReturnType<typeof start>>["io"]["open"]>>;
    fdc: FloppyController;
    read(lba: number, sectors?: number): Promise<Uint8Array | string>;
    write(lba: number, bytes: Uint8Array): Promise<number | string>;
  }) => Promise<void>,
): Promise<void> {
  const { io, fdc } = await start();
  try {
    const main = await io.open("fdd", { format: "1.44M", timing: "instant", ...options });
    const codeOf = (error: { code?: string }): string => error.code ?? String(error);
    const read = async (lba: number, sectors = 1): Promise<Uint8Array | string> => {
      const bytes = new Uint8Array(sectors * 512);
      const moved = await main.perform("read", bytes, { offset: lba * 512 }).catch(codeOf);
      return typeof moved === "number" ? bytes.slice(0, moved) : moved;
    };
    const write = (lba: number, bytes: Uint8Array): Promise<number | string> =>
      main.perform("write", bytes, { offset: lba * 512 }).catch(codeOf);
    await body({ io, main, fdc: fdc(), read, write });
    await main.close();
  } finally {
    await io.close();
  }
}
