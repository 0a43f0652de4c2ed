/**
 * Which disk is in which drive of the emulated controller, and where its sectors come from: an
 * image file, or memory. What a restored session needs to make the same disks again is saved.
 */
import { ReelError } from "../../core/provider/index.ts";
import { FaultList, parseFault } from "../disk/faults.ts";
import { imageBase, writeBackAndClose, type Images } from "../disk/image-base.ts";
import { OverlayMedium, zeros, type MediumBase } from "../disk/image.ts";
import { requireEmpty, requireMedium } from "../disk/media-change.ts";
import { decodeState, encodeState } from "../disk/state.ts";
import type { FloppyController } from "./device.ts";
import { FORMATS, bytesOf, formatNamed, formatOfSize, type FloppyFormat } from "./geometry.ts";
import { Surface } from "./surface.ts";

export interface DiskChoice {
  image: string;
  sizeBytes: number;
  format: string;
  readOnly: boolean;
  writeBack: boolean;
  /** Lines of the fault list. */
  faults: readonly string[];
}

interface Disk {
  choice: DiskChoice;
  seed: number;
  faults: FaultList;
  medium: OverlayMedium | undefined;
}

/** A blank disk that is pushed in, if the drive's option does not name another format. */
const BLANK_BYTES = 1_474_560;
const LARGEST_BYTES = bytesOf(FORMATS.at(-1)!);
const STATE_VERSION = 1;
const LIKE = { disks: [{ drive: 0, seed: 0, choice: "", faults: "" }] };

export class Disks {
  readonly name = "fdd-disks";
  readonly #fdc: FloppyController;
  readonly #images: Images;
  readonly #disks = new Map<number, Disk>();

  constructor(fdc: FloppyController, images: Images) {
    this.#fdc = fdc;
    this.#images = images;
  }

  isUsed(drive: number): boolean {
    return this.#disks.has(drive);
  }

  /**
   * Puts a disk into a drive; a choice without image and bytes leaves it empty.
   * @param seed of the faults' chance
   * @throws {ReelError} EINVAL for an image that is no floppy's or a line that is no fault; the
   *   system's code for an image that cannot be opened
   */
  load(drive: number, options: DiskChoice, seed: number): void {
    const { image, sizeBytes, format, readOnly, writeBack } = options;
    const choice = { image, sizeBytes, format, readOnly, writeBack, faults: [...options.faults] };
    const { disk, surface } = makeDisk(this.#images, choice, seed);
    if (surface !== undefined) this.#fdc.insert(drive, surface);
    this.#disks.set(drive, disk);
  }

  /** See {@link MediaChanger}; the disk that goes is written back first. */
  change(drive: number, change: { image: string; readOnly: boolean } | undefined): void {
    const { choice, medium, seed } = this.#disks.get(drive)!;
    const what = `floppy drive ${"ABCD"[drive]}`;
    if (change !== undefined) {
      requireEmpty(medium !== undefined, what);
      const { format } = choice;
      const sizeBytes = format === "auto" ? BLANK_BYTES : bytesOf(formatNamed(format));
      return this.load(drive, { ...choice, ...change, sizeBytes }, seed);
    }
    requireMedium(medium !== undefined, what);
    this.#fdc.eject(drive);
    const empty = { ...choice, image: "", sizeBytes: 0 };
    this.#disks.set(drive, makeDisk(this.#images, empty, seed).disk);
    if (medium !== undefined) writeBackAndClose(medium, choice.image);
  }

  /** @returns whether all that was written is in the image */
  flush(drive: number): boolean {
    const disk = this.#disks.get(drive);
    if (disk?.medium === undefined) return true;
    if (disk.faults.strike("flush-error") !== undefined) return false;
    return disk.faults.strike("lost-flush") !== undefined || disk.medium.flush();
  }

  /**
   * Writes back what is left and takes the disk out.
   * @throws {ReelError} EIO for an image that did not take all of it; the disk is out even so
   */
  unload(drive: number): void {
    const disk = this.#disks.get(drive);
    this.#fdc.eject(drive);
    this.#disks.delete(drive);
    if (disk?.medium !== undefined) writeBackAndClose(disk.medium, disk.choice.image);
  }

  snapshot(): Uint8Array {
    const disks = [...this.#disks].toSorted((a, b) => a[0] - b[0]);
    return encodeState(this.name, STATE_VERSION, {
      disks: disks.map(([drive, { choice, seed, faults }]) => {
        return {
          drive,
          seed,
          choice: JSON.stringify(choice),
          faults: JSON.stringify(faults.save()),
        };
      }),
    });
  }

  /** Makes the disks again: the controller's own state has what was written to them. */
  restore(bytes: Uint8Array): void {
    const { disks } = decodeState(this.name, STATE_VERSION, bytes, LIKE);
    const made: { drive: number; disk: Disk; surface: Surface | undefined }[] = [];
    try {
      for (const { drive, seed, choice, faults } of disks) {
        const one = makeDisk(this.#images, JSON.parse(choice) as DiskChoice, seed);
        made.push({ drive, ...one });
        one.disk.faults.load(JSON.parse(faults) as ReturnType<FaultList["save"]>);
      }
    } catch (cause) {
      for (const { disk } of made) disk.medium?.close();
      throw new ReelError("ERR_STATE_CORRUPT", (cause as Error).message, { cause });
    }
    for (const [drive, { medium }] of this.#disks) {
      medium?.close();
      this.#fdc.eject(drive);
    }
    this.#disks.clear();
    for (const { drive, disk, surface } of made) {
      if (surface !== undefined) this.#fdc.insert(drive, surface);
      this.#disks.set(drive, disk);
    }
  }
}

/** @throws {ReelError} EINVAL, or the system's code for the image */
function makeDisk(
  images: Images,
  choice: DiskChoice,
  seed: number,
): { disk: Disk; surface: Surface | undefined } {
  let faults: FaultList;
  try {
    faults = new FaultList(choice.faults.map(parseFault), seed);
  } catch (cause) {
    throw new ReelError("EINVAL", (cause as Error).message, { cause });
  }
  if (choice.image === "" && choice.sizeBytes === 0) {
    return { disk: { choice, seed, faults, medium: undefined }, surface: undefined };
  }
  const base = baseOf(images, choice);
  const format = chooseFormat(choice.format, base.sizeBytes);
  if (format === undefined) {
    base.close?.();
    refuseSize(choice, base.sizeBytes);
  }
  const medium = new OverlayMedium(base, { readOnly: choice.readOnly });
  const surface = new Surface(format, medium, faults.size > 0 ? faults : undefined);
  return { disk: { choice, seed, faults, medium }, surface };
}

/** @throws {ReelError} the system's code */
function baseOf(images: Images, choice: DiskChoice): MediumBase {
  const { image, sizeBytes, readOnly, writeBack } = choice;
  if (image === "") return zeros(sizeBytes);
  const file = imageBase(images, image, writeBack && !readOnly);
  return file.sizeBytes > LARGEST_BYTES ? file : inMemory(file);
}

/**
 * A floppy image is small: all of it is read at once, so that what happens to the file later
 * changes nothing about the disk in the drive. What cannot be read reads from the file.
 */
function inMemory(file: MediumBase): MediumBase {
  const bytes = new Uint8Array(file.sizeBytes);
  if (!file.read(0, bytes)) return file;
  return {
    ...file,
    read(offset, target) {
      target.set(bytes.subarray(offset, offset + target.length));
      return offset + target.length <= bytes.length;
    },
    ...(file.write !== undefined && {
      write(offset: number, part: Uint8Array) {
        bytes.set(part, offset);
        return file.write!(offset, part);
      },
    }),
  };
}

/** The format that was asked for, which may hold more, else the one of just that size. */
function chooseFormat(name: string, sizeBytes: number): FloppyFormat | undefined {
  if (sizeBytes === 0) return undefined;
  if (name === "auto") return formatOfSize(sizeBytes);
  const format = formatNamed(name);
  return sizeBytes <= bytesOf(format) ? format : undefined;
}

function refuseSize({ image, format }: DiskChoice, sizeBytes: number): never {
  const wanted =
    format === "auto" ? "the size of a floppy" : `1 to ${bytesOf(formatNamed(format))}`;
  throw new ReelError(
    "EINVAL",
    `Cannot put ${image || "the disk"} into a floppy drive: found ${sizeBytes} bytes, ` +
      `wanted ${wanted}`,
    { mend: "Give the format that it was meant to have: what the image lacks cannot be read" },
  );
}
