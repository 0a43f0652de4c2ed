/** The controller's state as bytes and back: all of it is checked before anything changes. */
import { decodeState, encodeState } from "../disk/state.ts";
import type { FloppyController } from "./device.ts";
import { freshDrive, type DriveState } from "./drive.ts";
import { FORMAT_NAMES } from "./geometry.ts";
import { checkNumbers, freshNumbers, numbersOf } from "./state.ts";

const OWNER = "fdd.controller";
const VERSION = 1;
const ARRAYS = ["parameters", "result", "fifo", "data"] as const;
const DRIVE_NAMES = Object.keys(freshDrive()) as (keyof DriveState)[];
const CYLINDERS_MAX = 255;

const LIKE = {
  numbers: freshNumbers() as Record<string, number>,
  parameters: new Uint8Array(),
  result: new Uint8Array(),
  fifo: new Uint8Array(),
  data: new Uint8Array(),
  hostBytes: new Uint8Array(),
  drives: [{ state: freshDrive() as unknown as Record<string, number>, disk: 0 }],
  disks: [{ format: "", marks: new Uint8Array(), medium: new Uint8Array() }],
};

export function snapshotController(fdc: FloppyController): Uint8Array {
  const { state, drives, transfer } = fdc;
  const disks = drives.flatMap(({ surface }) => {
    if (surface === undefined) return [];
    const { format, marks, medium } = surface;
    return [{ format: format.name, marks, medium: medium.snapshot() }];
  });
  return encodeState(OWNER, VERSION, {
    numbers: { ...numbersOf(state) },
    parameters: state.parameters,
    result: state.result,
    fifo: state.fifo,
    data: state.data,
    hostBytes: transfer.hostBytes,
    drives: drives.map((drive) => ({
      state: { ...drive.state },
      disk: drive.surface === undefined ? 0 : 1,
    })),
    disks,
  });
}

export function restoreController(fdc: FloppyController, bytes: Uint8Array): void {
  const saved = decodeState(OWNER, VERSION, bytes, LIKE);
  const { state, drives, transfer } = fdc;
  checkNumbers(saved.numbers as never);
  for (const name of ARRAYS) checkLength(name, saved[name], state[name]);
  checkLength("hostBytes", saved.hostBytes, transfer.hostBytes);
  if (saved.drives.length !== drives.length) refuse(`${saved.drives.length} drives`, "4");
  for (const { state: drive } of saved.drives) checkDrive(drive);
  const present = drives.filter(({ surface }) => surface !== undefined);
  const isAlike = drives.every(
    ({ surface }, i) => (surface === undefined ? 0 : 1) === saved.drives[i]!.disk,
  );
  if (!isAlike || present.length !== saved.disks.length) {
    refuse("disks in other drives", "the same drives filled");
  }
  for (const [i, { surface }] of present.entries()) {
    const { format, marks } = saved.disks[i]!;
    if (format === surface!.format.name && surface!.accepts(marks)) continue;
    refuse(`a ${FORMAT_NAMES.find((name) => name === format) ?? "strange"} disk`, "its own");
  }
  restoreMedia(
    present.map(({ surface }) => surface!.medium),
    saved.disks,
  );

  // Nothing below can fail.
  Object.assign(state, saved.numbers);
  for (const name of ARRAYS) state[name].set(saved[name]);
  transfer.hostBytes.set(saved.hostBytes);
  for (const [i, drive] of drives.entries()) Object.assign(drive.state, saved.drives[i]!.state);
  for (const [i, { surface }] of present.entries()) surface!.restoreMarks(saved.disks[i]!.marks);
}

/** All media or none: a medium refuses bytes that are not its own. */
function restoreMedia(
  media: readonly { snapshot(): Uint8Array; restore(bytes: Uint8Array): void }[],
  disks: readonly { medium: Uint8Array }[],
): void {
  const before = media.map((medium) => medium.snapshot());
  try {
    for (const [i, medium] of media.entries()) medium.restore(disks[i]!.medium);
  } catch (error) {
    for (const [i, medium] of media.entries()) medium.restore(before[i]!);
    throw error;
  }
}

function checkLength(name: string, found: Uint8Array, wanted: Uint8Array): void {
  if (found.length !== wanted.length) {
    refuse(`${found.length} bytes of ${name}`, `${wanted.length}`);
  }
}

function checkDrive(drive: Record<string, number>): void {
  for (const name of DRIVE_NAMES) {
    const value = drive[name]!;
    const low = name === "pendingStatus" ? -1 : 0;
    const high = name.endsWith("Ns") ? Number.MAX_SAFE_INTEGER : CYLINDERS_MAX;
    if (Number.isFinite(value) && value >= low && value <= high) continue;
    refuse(`${name} ${value}`, `${low} to ${high}`);
  }
}

function refuse(found: string, wanted: string): never {
  throw new RangeError(`Cannot restore the floppy controller: found ${found}, wanted ${wanted}`);
}
