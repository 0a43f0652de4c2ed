/**
 * The bytes of a command: which the main status register asks for, and which go through the FIFO in
 * the command, execution and result phases, [82077] 2.1.6, 2.1.7 and 3.
 */
import { COMMANDS } from "./commands.ts";
import { controlCommand } from "./control.ts";
import type { FloppyController } from "./device.ts";
import {
  CMD_DRIVE_SPECIFICATION,
  CMD_SENSE_INTERRUPT,
  MSR_COMMAND_BUSY,
  MSR_DIO,
  MSR_NON_DMA,
  MSR_RQM,
  ST0_INVALID,
} from "./registers.ts";
import { PHASE, STAGE } from "./state.ts";

/** The main status register. */
export function mainStatus(fdc: FloppyController): number {
  const { state } = fdc;
  let status = 0;
  for (let i = 0; i < fdc.drives.length; i++) status |= fdc.drives[i]!.state.busy << i;
  switch (state.phase) {
    case PHASE.HELD:
      return 0;
    case PHASE.IDLE:
      return status | MSR_RQM;
    case PHASE.COMMAND:
      return status | MSR_RQM | MSR_COMMAND_BUSY;
    case PHASE.RESULT:
      return status | MSR_RQM | MSR_DIO | MSR_COMMAND_BUSY;
    default:
      status |= MSR_COMMAND_BUSY;
      if (!fdc.isNonDma) return status;
      if (state.service === 1) status |= MSR_RQM;
      return status | MSR_NON_DMA | (fdc.transfer.givesBytes ? MSR_DIO : 0);
  }
}

/** A byte for the host: of the result, or of a sector in non-DMA mode. */
export function readData(fdc: FloppyController): number {
  const { state } = fdc;
  if (state.phase === PHASE.EXECUTION) return fdc.transfer.hostRead();
  if (state.phase !== PHASE.RESULT) return 0;
  if (state.resultAt === 0 && state.code !== CMD_SENSE_INTERRUPT) {
    fdc.lower();
    // A seek on another drive ended meanwhile: its edge must not be lost in this one.
    if (fdc.seeks.hasEnded) fdc.raise();
  }
  const byte = state.result[state.resultAt]!;
  state.resultAt += 1;
  if (state.resultAt >= state.resultLength) state.phase = PHASE.IDLE;
  return byte;
}

/** A byte from the host: of a command, or of a sector in non-DMA mode. */
export function writeData(fdc: FloppyController, byte: number): void {
  const { state } = fdc;
  if (state.phase === PHASE.EXECUTION) return fdc.transfer.hostWrite(byte);
  if (state.phase === PHASE.IDLE) return beginCommand(fdc, byte);
  if (state.phase !== PHASE.COMMAND) return;
  state.parameters[state.parameterAt] = byte;
  state.parameterAt += 1;
  // DRIVE SPECIFICATION ends with its first byte that has bit 7, and in any case here.
  const isEnded = state.code === CMD_DRIVE_SPECIFICATION && (byte & 0x80) !== 0;
  if (state.parameterAt >= state.parameterGoal || isEnded) execute(fdc);
}

function beginCommand(fdc: FloppyController, byte: number): void {
  const { state } = fdc;
  const shape = COMMANDS[byte];
  if (shape === undefined || (shape.only82078 && fdc.chip !== "82078")) {
    state.result[0] = ST0_INVALID;
    return fdc.giveResult(1);
  }
  state.command = byte;
  state.code = shape.code;
  state.options = byte & ~shape.code;
  state.parameters[0] = byte;
  state.parameterAt = 1;
  state.parameterGoal = shape.length;
  state.phase = PHASE.COMMAND;
  if (shape.length === 1) execute(fdc);
}

function execute(fdc: FloppyController): void {
  const { state } = fdc;
  state.stage = STAGE.NONE;
  if (!controlCommand(fdc)) fdc.transfer.start();
}
