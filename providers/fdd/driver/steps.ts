/**
 * One step each of what the driver does with the controller: reset it, start a motor, move an arm,
 * move sectors. Each sends its bytes, waits for the interrupt within a limit, and reads the answer;
 * an interrupt that means nothing is waited through. A step that is cancelled leaves a controller
 * in the middle of a command: the next operation begins with a reset.
 */
import {
  ERRNO,
  bool,
  layer,
  struct,
  u16,
  u53,
  u8,
  type Layer,
  type LayerContext,
  type Lock,
  type Wait,
} from "../../../core/provider/index.ts";
import { FORMATS, SECTOR_BYTES, SECTOR_CODE, type FloppyFormat } from "../geometry.ts";
import {
  CMD_READ,
  CMD_READ_ID,
  CMD_RECALIBRATE,
  CMD_SEEK,
  CMD_WRITE,
  FDC_LINE,
  OPTION_MFM,
  OPTION_MT,
  ST0_POLLED,
  ST0_SEEK_END,
  ST1_NOT_WRITABLE,
} from "../registers.ts";
import type { Board } from "./board.ts";
import { NO_CYLINDER, type DriveRecords, type DriveView } from "./state.ts";

/** What all layers of the driver share. */
export interface Shared {
  readonly board: Board;
  readonly drives: DriveRecords;
  /** One operation at a time has the controller. */
  readonly lock: Lock;
  readonly ram: {
    readInto(address: number, target: Uint8Array): boolean;
    write(address: number, bytes: Uint8Array): boolean;
  };
  /** The timer that turns a resource's motor off. */
  motorOff(resource: number): { after(delayNs: number): void };
  /** Makes the disk in a drive durable, as far as somebody stands behind it. */
  flush(drive: number): boolean;
}

/** What a transfer step does. */
export const ACT = { READ: 0, WRITE: 1, IDENTIFY: 2 } as const;

/** The longest answers: a reset is over in a millisecond, 79 steps of 32 ms, three turns. */
const RESET_LIMIT_NS = 100_000_000;
const SEEK_LIMIT_NS = 3_000_000_000;
const TRANSFER_LIMIT_NS = 3_000_000_000;
/** RECALIBRATE makes 79 steps; from cylinder 80 and beyond it takes two ([82077] 5.2.2). */
const RECALIBRATIONS_MAX = 2;
const SENSES_AFTER_RESET = 4;

/** The format of the disk in a drive; 1.44M stands for one that nobody knows yet. */
export function formatOf(drive: DriveView): FloppyFormat {
  return FORMATS[drive.format - 1] ?? FORMATS[6]!;
}

const waiting = { sent: bool, deadlineNs: u53 } as const;
type Waiting = { sent: boolean; deadlineNs: number };

/**
 * Waits for the interrupt, having registered before the command goes out, so that it cannot be
 * missed.
 * @param send sends the command's bytes; false when the controller does not take them
 */
function awaitInterrupt(
  { drives }: Shared,
  frame: Waiting,
  run: LayerContext,
  limitNs: number,
  send: () => boolean,
): Wait {
  if (frame.sent) return run.within(frame.deadlineNs - run.now(), run.interrupt(FDC_LINE));
  frame.sent = true;
  drives.at(run.resource).commands++;
  frame.deadlineNs = run.now() + limitNs;
  const wait = run.within(limitNs, run.interrupt(FDC_LINE));
  // A controller that refuses a byte is stuck; the limit finds it out, and a reset mends it.
  send();
  return wait;
}

export function resetting(shared: Shared): Layer {
  const { board } = shared;
  return layer({
    name: "fdd.reset",
    frame: struct(waiting),
    wait: (frame, run) =>
      awaitInterrupt(shared, frame, run, RESET_LIMIT_NS, () => {
        board.reset();
        return true;
      }),
    complete(_frame, run, result) {
      if (result < 0) return run.fail(ERRNO.ETIMEDOUT);
      shared.drives.at(run.resource).interrupts++;
      if (!board.isAwake) return run.again();
      for (let i = 0; i < SENSES_AFTER_RESET; i++) {
        const status = board.senseInterrupt();
        board.take();
        if ((status & ST0_POLLED) !== ST0_POLLED) return run.fail(ERRNO.EIO);
      }
      return board.configure() ? run.done(0) : run.fail(ERRNO.EIO);
    },
  }) as unknown as Layer;
}

/** Starts the motor and waits for its speed; at once when it turns already. */
export function spinningUp({ board, drives }: Shared): Layer {
  return layer({
    name: "fdd.spin-up",
    frame: struct({ started: bool }),
    wait(frame, run) {
      const drive = drives.at(run.resource);
      if (frame.started || drive.motorOn) return run.ready();
      frame.started = true;
      drive.motorOn = true;
      board.select(drive.drive);
      board.setMotor(drive.drive, true);
      return run.after(drive.spinUpNs);
    },
    complete: (_frame, run) => run.done(0),
    cancel(frame, run) {
      const drive = drives.at(run.resource);
      if (!frame.started) return;
      // The next operation waits for the speed again.
      drive.motorOn = false;
      board.setMotor(drive.drive, false);
    },
  }) as unknown as Layer;
}

const seekFrame = { ...waiting, cylinder: u8, home: bool, tries: u8, settling: bool } as const;

/** Moves the arm and lets it settle; `home` recalibrates. */
export function seeking(shared: Shared) {
  const { board, drives } = shared;
  return layer({
    name: "fdd.seek",
    frame: struct(seekFrame),
    wait(frame, run) {
      const drive = drives.at(run.resource);
      if (frame.settling) return run.after(drive.settleNs);
      return awaitInterrupt(shared, frame, run, SEEK_LIMIT_NS, () => {
        board.select(drive.drive);
        if (!board.setRate(formatOf(drive))) return false;
        if (frame.home) return board.put(CMD_RECALIBRATE) && board.put(drive.drive);
        return board.put(CMD_SEEK) && board.put(drive.drive) && board.put(frame.cylinder);
      });
    },
    complete(frame, run, result) {
      if (frame.settling) return run.done(0);
      const drive = drives.at(run.resource);
      if (result < 0) {
        board.isReady = false;
        return run.fail(ERRNO.ETIMEDOUT);
      }
      drive.interrupts++;
      const status = board.senseInterrupt();
      const cylinder = status < 0 ? -1 : board.take();
      // Nothing has ended yet: a spurious or a left-over interrupt.
      if ((status & ST0_SEEK_END) === 0 || (status & 3) !== drive.drive) return run.again();
      if (frame.home && (status & ST0_POLLED) !== 0 && ++frame.tries < RECALIBRATIONS_MAX) {
        frame.sent = false;
        return run.again();
      }
      if ((status & ST0_POLLED) !== 0 || (!frame.home && cylinder !== frame.cylinder)) {
        drive.calibration = 0;
        return run.fail(ERRNO.EIO);
      }
      if (frame.home) drive.calibration = board.epoch;
      drive.cylinder = frame.home ? 0 : frame.cylinder;
      frame.settling = true;
      return run.again();
    },
    cancel(frame) {
      if (!frame.settling) board.isReady = false;
    },
  });
}

const transferFrame = { ...waiting, act: u8, head: u8, record: u8, at: u16, count: u16 } as const;

/** Moves sectors between the cylinder under the head and the buffer, or reads an ID field. */
export function transferring(shared: Shared) {
  const { board, drives } = shared;
  const send = (
    frame: { act: number; head: number; record: number; at: number; count: number },
    drive: DriveView,
  ): boolean => {
    const format = formatOf(drive);
    board.select(drive.drive);
    if (!board.setRate(format)) return false;
    const select = (frame.head << 2) | drive.drive;
    if (frame.act === ACT.IDENTIFY) return board.put(OPTION_MFM | CMD_READ_ID) && board.put(select);
    const isRead = frame.act === ACT.READ;
    board.programDma(drive.buffer + frame.at * SECTOR_BYTES, frame.count * SECTOR_BYTES, isRead);
    const command = OPTION_MFM | (isRead ? CMD_READ : CMD_WRITE);
    return (
      board.put(format.heads === 2 ? command | OPTION_MT : command) &&
      board.put(select) &&
      board.put(drive.cylinder) &&
      board.put(frame.head) &&
      board.put(frame.record) &&
      board.put(SECTOR_CODE) &&
      board.put(format.sectorsPerTrack) &&
      board.put(format.transferGap) &&
      board.put(0xff)
    );
  };
  return layer({
    name: "fdd.transfer",
    frame: struct(transferFrame),
    wait(frame, run) {
      const drive = drives.at(run.resource);
      return awaitInterrupt(shared, frame, run, TRANSFER_LIMIT_NS, () => send(frame, drive));
    },
    complete(_frame, run, result) {
      const drive = drives.at(run.resource);
      if (result < 0) {
        board.isReady = false;
        return run.fail(ERRNO.ETIMEDOUT);
      }
      drive.interrupts++;
      if (!board.hasResult) return run.again();
      drive.st0 = board.take();
      drive.st1 = board.take();
      drive.st2 = board.take();
      board.take();
      drive.resultHead = board.take();
      drive.resultRecord = board.take();
      board.take();
      if ((drive.st0 & ST0_POLLED) === 0) return run.done(0);
      return run.fail((drive.st1 & ST1_NOT_WRITABLE) !== 0 ? ERRNO.EROFS : ERRNO.EIO);
    },
    cancel(_frame, run) {
      board.isReady = false;
      drives.at(run.resource).cachedCylinder = NO_CYLINDER;
    },
  });
}
