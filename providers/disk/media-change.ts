/**
 * Changing media: what the machine's owner does to a drive by hand, as operations of its end, so
 * that a session has them at their place. The driver hears nothing of it but what the hardware
 * says: its next operation fails with ENOMEDIUM.
 */
import {
  REEL_ERROR_NUMBERS,
  ReelError,
  isReelError,
  layer,
  resultOfCode,
  struct,
  type Layer,
  type LayerContext,
  type OperationDefinition,
} from "../../core/provider/index.ts";

/** The operations of a disk provider's definition. */
export const MEDIA_CHANGE = {
  eject: { direction: "none", summary: "Takes the medium out of the drive by hand (emulated)" },
  insert: {
    direction: "write",
    summary: "Pushes a medium in: the path of its image, or nothing for a blank one (emulated)",
    argument: "1 for a write-protected one",
  },
} as const satisfies Readonly<Record<string, OperationDefinition>>;

/** The drives whose media can be changed. */
export interface MediaChanger {
  /** @throws {ReelError} ENOMEDIUM for an empty drive; ERR_UNSUPPORTED for a fixed disk; EIO */
  eject(resource: number): void;
  /**
   * @param image empty for a blank medium in memory
   * @throws {ReelError} EBUSY for a drive with a medium; ERR_UNSUPPORTED for a fixed disk; the
   *   system's code for the image; the drive is empty as before then
   */
  insert(resource: number, image: string, readOnly: boolean): void;
}

/** The layers of an emulated driver. */
export function changingMedia(
  kind: string,
  changer: MediaChanger,
): Readonly<Record<"eject" | "insert", Layer>> {
  const decoder = new TextDecoder();
  const change = (name: string, act: (run: LayerContext) => void): Layer =>
    layer({
      name: `${kind}.${name}`,
      frame: struct({}),
      wait: (_frame, run) => run.ready(),
      complete(_frame, run) {
        try {
          act(run);
        } catch (error) {
          // What is wrong with a replay is no failure of the drive's.
          if (!isReelError(error) || isReplayFailure(error)) throw error;
          return run.fail(-resultOfCode(error.code));
        }
        return run.done(name === "insert" ? run.length : 0);
      },
    });
  return {
    eject: change("eject", (run) => changer.eject(run.resource)),
    insert: change("insert", (run) => {
      const path = run.memory.subarray(run.memoryAt, run.memoryAt + run.length);
      changer.insert(run.resource, decoder.decode(path.slice()), run.argument === 1);
    }),
  };
}

function isReplayFailure({ code }: ReelError): boolean {
  return code === "ERR_DIVERGED" || code === "ERR_CORRUPT_RECORDING";
}

/** The layers of a driver whose medium stays: on io_uring the image is the disk. */
export function fixedMedia(kind: string): Readonly<Record<"eject" | "insert", Layer>> {
  const refuse = (name: string): Layer =>
    layer({
      name: `${kind}.${name}`,
      frame: struct({}),
      wait: (_frame, run) => run.ready(),
      complete: (_frame, run) => run.fail(REEL_ERROR_NUMBERS.ERR_UNSUPPORTED),
    });
  return { eject: refuse("eject"), insert: refuse("insert") };
}

/** @throws {ReelError} ERR_UNSUPPORTED */
export function refuseFixed(action: string, what: string): never {
  throw new ReelError("ERR_UNSUPPORTED", `Cannot ${action} ${what}: its medium cannot be changed`);
}

/** @throws {ReelError} EBUSY when there is a medium */
export function requireEmpty(hasMedium: boolean, what: string): void {
  if (hasMedium) throw new ReelError("EBUSY", `Cannot insert into ${what}: it has a medium`);
}

/** @throws {ReelError} ENOMEDIUM when there is none */
export function requireMedium(hasMedium: boolean, what: string): void {
  if (!hasMedium) throw new ReelError("ENOMEDIUM", `Cannot eject from ${what}: it is empty`);
}
