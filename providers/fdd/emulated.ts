/**
 * The emulated floppy: the controller and the DMA controller mounted where a PC has them, and the
 * driver in front. The two meet at ports, memory and the interrupt line only.
 */
import {
  ReelError,
  type Driver,
  type DriverContext,
  type SavedDevice,
} from "../../core/provider/index.ts";
import { statisticsOf } from "../disk/counts.ts";
import { changingMedia, fixedMedia } from "../disk/media-change.ts";
import { explainRange } from "../disk/range.ts";
import { DRIVES, FloppyController } from "./device.ts";
import { Disks, type DiskChoice } from "./disks.ts";
import { DMA_LENGTH, DMA_PAGE_BASE, DMA_PAGE_LENGTH, DmaController } from "./dma.ts";
import { Board } from "./driver/board.ts";
import { unsuspendable } from "../disk/suspension.ts";
import { driverLayers } from "./driver/operations.ts";
import {
  CYLINDER_SECTORS_MAX,
  NO_CYLINDER,
  driveState,
  type DriveRecords,
} from "./driver/state.ts";
import { SETTLE_NS, SPIN_UP_NS } from "./drive.ts";
import { FORMATS, SECTOR_BYTES, bytesOf } from "./geometry.ts";
import { FDC_BASE, FDC_DMA_CHANNEL, FDC_HIGH, FDC_LINE, FDC_LOW_LENGTH } from "./registers.ts";

export interface FloppyOptions extends DiskChoice {
  drive: number;
  timing: "real" | "instant";
}

/** ISA DMA reaches the first 16 MiB, and crosses no 64 KiB. */
const DMA_BOUNDARY = 0x10000;
const DMA_REACH = 0x1000000;

/** The disks behind the controller that {@link driveFloppy} works: ours, or real hardware's. */
export type Bays = Pick<Disks, "isUsed" | "load" | "unload" | "flush"> &
  Partial<Pick<Disks, "change">> &
  Pick<FloppyController, "setTiming"> & { devices: readonly SavedDevice[] };

export function emulatedFloppy(cx: DriverContext): Driver<FloppyOptions> {
  const { fdc, dma } = mountFloppy(cx);
  const disks = new Disks(fdc, cx);
  return driveFloppy(cx, {
    devices: [disks, fdc, dma],
    isUsed: (drive) => disks.isUsed(drive),
    load: (drive, choice) => disks.load(drive, choice, cx.random.uint32()),
    unload: (drive) => disks.unload(drive),
    flush: (drive) => disks.flush(drive),
    change: (drive, change) => disks.change(drive, change),
    setTiming: (drive, timing) => fdc.setTiming(drive, timing),
  });
}

function mountFloppy(cx: DriverContext) {
  const { machine } = cx;
  const { ports } = machine;
  const host = machine.attach("fdd", FDC_LINE, { trigger: "edge" });
  const dma = new DmaController(host);
  const fdc = new FloppyController({
    dma: dma.channel(FDC_DMA_CHANNEL),
    now: () => host.now(),
    interrupt: (asserted) => host.interrupt(asserted),
    timer: (name, fire) => host.timer(name, fire),
  });
  const registers = (first: number) => ({
    read: (offset: number) => fdc.readRegister("io", first + offset),
    write: (offset: number, width: number, value: number) =>
      fdc.writeRegister("io", first + offset, width, value),
  });
  ports.register(FDC_BASE, FDC_LOW_LENGTH, registers(0), "fdd");
  ports.register(FDC_HIGH, 1, registers(FDC_HIGH - FDC_BASE), "fdd");
  const dmaPorts = (block: "channels" | "pages") => ({
    read: (offset: number) => dma.readRegister(block, offset),
    write: (offset: number, _width: number, value: number) =>
      dma.writeRegister(block, offset, value),
  });
  ports.register(0, DMA_LENGTH, dmaPorts("channels"), "dma");
  ports.register(DMA_PAGE_BASE, DMA_PAGE_LENGTH, dmaPorts("pages"), "dma pages");
  return { fdc, dma };
}

/** The driver alone, for whatever controller stands at the machine's places. */
export function driveFloppy(cx: DriverContext, disks: Bays): Driver<FloppyOptions> {
  const { machine } = cx;
  const { ports, ram } = machine;
  const board = new Board(ports);
  const drives = cx.records("drive", driveState);
  const lock = cx.lock();
  const timers = Array.from({ length: DRIVES }, (_, resource) =>
    machine.timer(`fdd-driver.motor-off-${resource}`, () => turnOff(resource)),
  );
  const { operations, layers, opening, turnOff } = driverLayers({
    board,
    drives,
    lock,
    ram,
    motorOff: (resource) => timers[resource]!,
    flush: (drive) => disks.flush(drive),
  });

  const media = changing(cx, drives, disks);

  return {
    operations: { ...operations, ...unsuspendable("fdd"), ...media },
    layers,
    opening,
    devices: [...disks.devices, board],
    statistics: (resource) => statisticsOf(drives.at(resource)),
    describe: (resource) => `drive ${"ABCD"[drives.at(resource).drive]}`,
    explainRange(resource, request) {
      const { format } = drives.at(resource);
      const sizeBytes = format === 0 ? Infinity : bytesOf(FORMATS[format - 1]!);
      return explainRange({ blockBytes: SECTOR_BYTES, sizeBytes }, request);
    },
    open(resource, options) {
      if (disks.isUsed(options.drive)) refuseDrive(options.drive);
      const buffer = ram.allocate(CYLINDER_SECTORS_MAX * SECTOR_BYTES, undefined, DMA_BOUNDARY);
      try {
        if (buffer + DMA_BOUNDARY > DMA_REACH) refuseMemory();
        disks.load(options.drive, options, cx.random.uint32());
      } catch (error) {
        ram.free(buffer);
        throw error;
      }
      const isReal = options.timing === "real";
      disks.setTiming(options.drive, options.timing);
      const drive = drives.at(resource);
      drive.drive = options.drive;
      drive.buffer = buffer;
      drive.readOnly = options.readOnly;
      drive.isFormatGiven = options.format !== "auto";
      drive.format = FORMATS.findIndex(({ name }) => name === options.format) + 1;
      drive.spinUpNs = isReal ? SPIN_UP_NS : 0;
      drive.settleNs = isReal ? SETTLE_NS : 0;
      drive.cachedCylinder = NO_CYLINDER;
    },
    release(resource) {
      const { drive, buffer } = drives.at(resource);
      timers[resource]!.cancel();
      board.setMotor(drive, false);
      ram.free(buffer);
      disks.unload(drive);
    },
  };
}

/** The operations that change disks, where they can be changed. */
function changing(cx: DriverContext, drives: DriveRecords, bays: Bays) {
  if (bays.change === undefined) return fixedMedia(cx.kind);
  const change = bays.change.bind(bays);
  return changingMedia(cx.kind, {
    eject: (resource) => change(drives.at(resource).drive, undefined),
    insert(resource, image, readOnly) {
      const drive = drives.at(resource);
      change(drive.drive, { image, readOnly });
      drive.readOnly = readOnly;
    },
  });
}

function refuseDrive(drive: number): never {
  throw new ReelError("EBUSY", `Cannot open floppy drive ${"ABCD"[drive]}: it is open already`, {
    mend: "Close it first, or open another drive",
  });
}

function refuseMemory(): never {
  throw new ReelError("ENOMEM", "Cannot open a floppy drive: no memory below 16 MiB is free", {
    mend: "Close what holds memory: ISA DMA reaches no further",
  });
}
