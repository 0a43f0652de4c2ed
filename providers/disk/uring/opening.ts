/** Opens the files of a disk: an image, a block device, or a nameless file of the disk's own. */
import {
  ReelError,
  isReelError,
  type DriverContext,
  type FileStatus,
} from "../../../core/provider/index.ts";

/** fcntl.h. Direct access has another number on ARM. */
const O_RDONLY = 0;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_NONBLOCK = 0o4000;
const O_DIRECT = process.arch === "arm64" ? 0o200000 : 0o40000;
const OWNER_ONLY = 0o600;
const NAME_ATTEMPTS_MAX = 16;
const NO_FILE = -1;

/** What of a disk's options matters to its files. */
export interface ImageChoice {
  /** Path of an image or a block device; empty for a nameless file. */
  readonly image: string;
  /** Bytes of the disk; 0 for as many as the image has. */
  readonly sizeBytes: number;
  readonly readOnly: boolean;
  /** Whether nobody else may have the image locked. */
  readonly exclusive: boolean;
  /** Whether to go past the page cache. */
  readonly direct: boolean;
}

export interface OpenedFiles {
  readonly file: number;
  /** -1 where the page cache cannot be gone past, or need not be. */
  readonly directFile: number;
  /** The opening that holds the lock, or -1. */
  readonly lockedFile: number;
  readonly sizeBytes: number;
  readonly directBytes: number;
  readonly device: boolean;
  readonly fileAtHand: boolean;
  readonly memoryAtHand: boolean;
}

/**
 * Opens what a disk is kept in.
 * @param what the beginning of error messages
 * @throws {ReelError} the errno's code; EBUSY for a locked image; EINVAL for one that is too short;
 *   ERR_UNSUPPORTED for what is neither file nor block device. Nothing stays open then
 */
export function openFiles(
  cx: DriverContext,
  choice: ImageChoice,
  blockBytes: number,
  what: string,
): OpenedFiles {
  const { host } = cx;
  const opened: number[] = [];
  const keep = (file: number): number => {
    opened.push(file);
    return file;
  };
  let nameless: string | undefined;
  try {
    if (choice.image === "") {
      const made = makeFile(cx);
      nameless = made.path;
      host.resize(keep(made.file), choice.sizeBytes);
    } else keep(openImage(cx, choice));
    const file = opened[0]!;
    const status = host.fileStatus(file);
    const sizeBytes = usable(status, choice, blockBytes, what);
    const locks = choice.exclusive && nameless === undefined;
    const lockedFile = locks ? keep(openLocked(cx, choice)) : NO_FILE;
    const path = nameless ?? choice.image;
    const directFile = choice.direct ? openDirect(cx, path, choice) : NO_FILE;
    if (directFile !== NO_FILE) keep(directFile);
    const atHand = host.keepAtHand(file);
    if (directFile !== NO_FILE) host.keepAtHand(directFile);
    return {
      file,
      directFile,
      lockedFile,
      sizeBytes,
      // Where the kernel does not tell, blocks are tried.
      directBytes: status.directBytes === 0 ? blockBytes : status.directBytes,
      device: status.kind === "block device",
      fileAtHand: atHand.file,
      memoryAtHand: atHand.memory,
    };
  } catch (error) {
    for (const file of opened) host.close(file);
    throw error;
  } finally {
    if (nameless !== undefined) host.unlink(nameless);
  }
}

/** How much of a file is a disk. */
function usable(status: FileStatus, choice: ImageChoice, blockBytes: number, what: string): number {
  if (status.kind === "other") {
    throw new ReelError("ERR_UNSUPPORTED", `${what}: it is neither a file nor a block device`, {
      mend: "Give the path of a raw image or of a block device",
    });
  }
  const whole = status.sizeBytes - (status.sizeBytes % blockBytes);
  const sizeBytes = choice.sizeBytes === 0 ? whole : choice.sizeBytes;
  if (sizeBytes > 0 && sizeBytes <= whole && sizeBytes % blockBytes === 0) return sizeBytes;
  const wanted = choice.sizeBytes === 0 ? "at least one block" : `${choice.sizeBytes}`;
  throw new ReelError(
    "EINVAL",
    `${what}: it has ${status.sizeBytes} bytes, wanted ${wanted}, in blocks of ${blockBytes}`,
    { mend: "Give a sizeBytes that the image has, or make the image larger" },
  );
}

function accessOf({ readOnly }: ImageChoice): number {
  return readOnly ? O_RDONLY : O_RDWR;
}

function openImage(cx: DriverContext, choice: ImageChoice): number {
  const { host } = cx;
  if (choice.readOnly) {
    // Opening a named pipe for reading alone would hold the thread until somebody writes.
    const probe = host.open(choice.image, O_RDONLY | O_NONBLOCK, 0);
    const { kind } = host.fileStatus(probe);
    if (kind === "other") return probe;
    host.close(probe);
  }
  return host.open(choice.image, accessOf(choice), 0);
}

/**
 * Opens the image once more and locks it by that. The ring never hears of this opening: what it
 * knows ends only some time after a process that was killed, and a lock must end at once.
 */
function openLocked(cx: DriverContext, choice: ImageChoice): number {
  const file = cx.host.open(choice.image, accessOf(choice), 0);
  try {
    cx.host.lockFile(file, !choice.readOnly);
    return file;
  } catch (error) {
    cx.host.close(file);
    throw error;
  }
}

/** The second way to the file, past the page cache; -1 where its file system has none. */
function openDirect(cx: DriverContext, path: string, choice: ImageChoice): number {
  try {
    return cx.host.open(path, accessOf(choice) | O_DIRECT, 0);
  } catch (error) {
    if (isReelError(error) && error.code === "EINVAL") return NO_FILE;
    throw error;
  }
}

/** Makes a file for a disk of its own, which is to lose its name at once. */
function makeFile(cx: DriverContext): { path: string; file: number } {
  const folder = process.env["TMPDIR"] ?? "/tmp";
  for (let attempts = 1; ; attempts++) {
    const path = `${folder}/ioreel-${cx.kind}-${process.pid}-${cx.random.uint32().toString(16)}`;
    try {
      return { path, file: cx.host.open(path, O_RDWR | O_CREAT | O_EXCL, OWNER_ONLY) };
    } catch (error) {
      const taken = isReelError(error) && error.code === "EEXIST";
      if (!taken || attempts === NAME_ATTEMPTS_MAX) throw error;
    }
  }
}
