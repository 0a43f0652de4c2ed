/** The commands that touch no sector, [82077] 5.2, and where they leave the controller. */
import type { FloppyController } from "./device.ts";
import {
  CMD_CONFIGURE,
  CMD_DRIVE_SPECIFICATION,
  CMD_DUMPREG,
  CMD_LOCK,
  CMD_PART_ID,
  CMD_PERPENDICULAR,
  CMD_RECALIBRATE,
  CMD_RELATIVE_SEEK,
  CMD_SEEK,
  CMD_SENSE_DRIVE,
  CMD_SENSE_INTERRUPT,
  CMD_SPECIFY,
  CMD_VERSION,
  OPTION_DIR,
  OPTION_MT,
  PART_82078,
  ST0_INVALID,
  ST0_POLLED,
  ST0_UNIT,
  ST3_ALWAYS,
  ST3_TRACK_0,
  ST3_WRITE_PROTECTED,
  VERSION_ENHANCED,
} from "./registers.ts";

const DRIVES = 4;
/** The bit of DRIVE SPECIFICATION's last byte by which the host asks for no result, [82078]. */
const NO_RESULT = 0x40;

/** Carries out the command if it is one of these. @returns whether it was */
export function controlCommand(fdc: FloppyController): boolean {
  const { state, seeks } = fdc;
  const [, first = 0, second = 0, third = 0] = state.parameters;
  const unit = first & ST0_UNIT;
  switch (state.code) {
    case CMD_SPECIFY:
      state.stepAndUnload = first;
      state.loadAndMode = second;
      fdc.becomeIdle();
      return true;
    case CMD_CONFIGURE:
      state.config = second & 0x7f;
      state.precompensationTrack = third;
      fdc.becomeIdle();
      return true;
    case CMD_PERPENDICULAR:
      // The drives' bits change only together with OW, [82077] 5.2.11.
      if ((first & 0x80) !== 0) state.perpendicular = first & 0x3f;
      else state.perpendicular = (state.perpendicular & 0x3c) | (first & 3);
      fdc.becomeIdle();
      return true;
    case CMD_RECALIBRATE:
      seeks.recalibrate(unit);
      return true;
    case CMD_SEEK:
      seeks.seek(unit, second);
      return true;
    case CMD_RELATIVE_SEEK:
      seeks.relative(unit, second, (state.options & OPTION_DIR) !== 0);
      return true;
    case CMD_SENSE_INTERRUPT:
      senseInterrupt(fdc);
      return true;
    case CMD_SENSE_DRIVE: {
      const drive = fdc.drives[unit]!;
      let status = ST3_ALWAYS | (first & 7);
      if (drive.isAtTrack0) status |= ST3_TRACK_0;
      if (drive.surface?.writeProtected === true) status |= ST3_WRITE_PROTECTED;
      return answer(fdc, status);
    }
    case CMD_LOCK:
      state.locked = (state.options & OPTION_MT) === 0 ? 0 : 1;
      return answer(fdc, state.locked << 4);
    case CMD_VERSION:
      return answer(fdc, VERSION_ENHANCED);
    case CMD_PART_ID:
      return answer(fdc, PART_82078);
    case CMD_DUMPREG:
      dumpRegisters(fdc);
      return true;
    case CMD_DRIVE_SPECIFICATION: {
      const last = state.parameters[state.parameterAt - 1]!;
      if ((last & NO_RESULT) !== 0) {
        fdc.becomeIdle();
        return true;
      }
      state.result.fill(0, 0, DRIVES);
      fdc.giveResult(DRIVES);
      return true;
    }
    default:
      return false;
  }
}

function answer(fdc: FloppyController, byte: number): true {
  fdc.state.result[0] = byte;
  fdc.giveResult(1);
  return true;
}

/** [82077] 5.2.4: after a reset for each drive, after a seek for its drive, else invalid. */
function senseInterrupt(fdc: FloppyController): void {
  const { state, drives, seeks } = fdc;
  if (state.resetSenses > 0) {
    const unit = DRIVES - state.resetSenses;
    state.resetSenses -= 1;
    state.result[0] = ST0_POLLED | unit;
    state.result[1] = drives[unit]!.state.presentCylinder;
    fdc.lower();
    return fdc.giveResult(2);
  }
  const unit = drives.findIndex((drive) => drive.state.pendingStatus >= 0);
  if (unit < 0) {
    answer(fdc, ST0_INVALID);
    return;
  }
  const drive = drives[unit]!.state;
  state.result[0] = drive.pendingStatus;
  state.result[1] = drive.presentCylinder;
  drive.pendingStatus = -1;
  drive.busy = 0;
  fdc.lower();
  // Another drive's seek is over too: the pin falls and rises again.
  if (seeks.hasEnded) fdc.raise();
  fdc.giveResult(2);
}

/** [82077] 5.2.10. */
function dumpRegisters(fdc: FloppyController): void {
  const { state, drives } = fdc;
  for (let i = 0; i < DRIVES; i++) state.result[i] = drives[i]!.state.presentCylinder;
  state.result[4] = state.stepAndUnload;
  state.result[5] = state.loadAndMode;
  state.result[6] = state.lastRecord;
  state.result[7] = (state.locked << 7) | state.perpendicular;
  state.result[8] = state.config;
  state.result[9] = state.precompensationTrack;
  fdc.giveResult(10);
}
