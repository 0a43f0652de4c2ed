/**
 * Which disk is in which drive of the emulated controller, and where its sectors come from: an
 * image file, or memory. What a restored session needs to make the same disks again is saved.
 */
import { ReelError, isReelError } from "../../core/provider/index.ts";
import { MemoryMedium, type Medium } from "../disk/medium.ts";
import { decodeState, encodeState } from "../disk/state.ts";
import type { FloppyController } from "./device.ts";
import { FORMATS, bytesOf, formatNamed, formatOfSize, type FloppyFormat } from "./geometry.ts";
import { ImageMedium, readImage } from "./image.ts";
import { Surface } from "./surface.ts";

export interface DiskChoice {
  image: string;
  sizeBytes: number;
  format: string;
  readOnly: boolean;
  writeBack: boolean;
}

const LARGEST_BYTES = bytesOf(FORMATS.at(-1)!);
const EMPTY = { drive: 0, image: "", sizeBytes: 0, format: "", readOnly: false, writeBack: false };

export class Disks {
  readonly name = "fdd-disks";
  readonly #fdc: FloppyController;
  readonly #chosen = new Map<number, DiskChoice>();

  constructor(fdc: FloppyController) {
    this.#fdc = fdc;
  }

  isUsed(drive: number): boolean {
    return this.#chosen.has(drive);
  }

  /**
   * Puts a disk into a drive; a choice without image and bytes leaves it empty.
   * @throws {ReelError} EINVAL for an image that is no floppy's; what opening the image throws
   */
  load(drive: number, choice: DiskChoice): void {
    const { image, sizeBytes, readOnly, writeBack } = choice;
    if (image === "" && sizeBytes === 0) {
      this.#chosen.set(drive, { image, sizeBytes, format: choice.format, readOnly, writeBack });
      return;
    }
    const bytes = image === "" ? new Uint8Array(sizeBytes) : imageOf(image);
    const size = typeof bytes === "number" ? bytes : bytes.length;
    const format = chooseFormat(choice.format, size);
    if (typeof bytes === "number" || format === undefined) {
      throw new ReelError(
        "EINVAL",
        `Cannot put the image in a floppy drive: found ${size} bytes, wanted 1 to ` +
          `${LARGEST_BYTES}${choice.format === "auto" ? "" : ` of format ${choice.format}`}`,
        { mend: "Give an image of a floppy, or its format" },
      );
    }
    this.#fdc.insert(drive, new Surface(format, mediumOf(choice, bytes)));
    const found = { sizeBytes: bytes.length, format: format.name };
    this.#chosen.set(drive, { image, readOnly, writeBack, ...found });
  }

  /** @returns whether all that was written is in the image */
  flush(drive: number): boolean {
    return this.#fdc.drives[drive]!.surface?.medium.flush() ?? true;
  }

  /** Writes back what is left and takes the disk out. */
  unload(drive: number): void {
    this.flush(drive);
    this.#fdc.eject(drive);
    this.#chosen.delete(drive);
  }

  snapshot(): Uint8Array {
    // Fields in one order, whoever set them: equal states are equal bytes.
    const disks = [...this.#chosen].map(([drive, choice]) => {
      const { image, sizeBytes, format, readOnly, writeBack } = choice;
      return { drive, image, sizeBytes, format, readOnly, writeBack };
    });
    return encodeState(this.name, 1, { disks: disks.toSorted((a, b) => a.drive - b.drive) });
  }

  /** Makes the disks again, empty: the controller's own state has their contents. */
  restore(bytes: Uint8Array): void {
    const { disks } = decodeState(this.name, 1, bytes, { disks: [EMPTY] });
    const made = disks.map(({ drive, ...choice }) => {
      if (choice.sizeBytes === 0) return { drive, choice, surface: undefined };
      if (!(choice.sizeBytes > 0 && choice.sizeBytes <= LARGEST_BYTES)) {
        throw new RangeError(`Cannot restore the disks: found ${choice.sizeBytes} bytes`);
      }
      const medium = mediumOf(choice, new Uint8Array(choice.sizeBytes));
      return { drive, choice, surface: new Surface(formatNamed(choice.format), medium) };
    });
    for (const drive of this.#chosen.keys()) this.#fdc.eject(drive);
    this.#chosen.clear();
    for (const { drive, choice, surface } of made) {
      if (surface !== undefined) this.#fdc.insert(drive, surface);
      this.#chosen.set(drive, choice);
    }
  }
}

/** @throws {ReelError} the errno's code */
function imageOf(path: string): Uint8Array | number {
  try {
    return readImage(path, LARGEST_BYTES);
  } catch (cause) {
    if (isReelError(cause)) throw cause;
    const code = String((cause as { code?: unknown }).code ?? "EIO") as "EIO";
    throw new ReelError(code, `Cannot open the floppy image ${path}: ${code}`, {
      cause,
      mend: "Give the path of a readable file",
    });
  }
}

/** The format that was asked for, else the one of that size, else the next that holds as much. */
function chooseFormat(name: string, sizeBytes: number): FloppyFormat | undefined {
  if (sizeBytes === 0) return undefined;
  if (name === "auto") {
    return formatOfSize(sizeBytes) ?? FORMATS.find((format) => bytesOf(format) >= sizeBytes);
  }
  const format = formatNamed(name);
  return sizeBytes <= bytesOf(format) ? format : undefined;
}

function mediumOf(choice: DiskChoice, bytes: Uint8Array): Medium {
  if (choice.image === "") return new MemoryMedium(bytes, { readOnly: choice.readOnly });
  return new ImageMedium(choice.image, bytes, choice.readOnly, choice.writeBack);
}
