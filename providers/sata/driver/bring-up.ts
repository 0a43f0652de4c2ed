/**
 * Bringing a port up: stopping it, resetting its link if asked to, waiting for the device and
 * starting the command list; and internal commands, whose end is looked for instead of waited for,
 * because the port's interrupts are off meanwhile.
 *
 * References: [AHCI] 10.1.2 (initialisation), 10.3 (starting and stopping), 10.4.2 (port reset).
 */
import {
  ERRNO,
  bool,
  layer,
  ms,
  struct,
  u16,
  u32,
  u53,
  u8,
  us,
  type LayerContext,
  type Move,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import * as R from "../registers.ts";
import { PACKET_LIMIT } from "./disc.ts";
import { COMMAND_TIMEOUT_NS, type Disks } from "./disks.ts";

const POLL_FIRST_NS = us(1);
const POLL_MAX_NS = ms(10);
/** 10.1.2: the command list stops within 500 ms. */
const STOP_NS = ms(500);
/** 10.4.2: DET stays 1 for at least a millisecond. */
const COMRESET_NS = ms(1);
const LINK_NS = ms(1000);
const READY_NS = ms(30_000);
const SCTL_COMRESET = 0x301; // No power saving, and COMRESET.
const SCTL_RUN = 0x300;

const portFrame = struct({
  reset: bool,
  step: u8,
  pollNs: u32,
  deadlineNs: u53,
});

const STEP = { STOP: 0, STOPPED: 1, RESETTING: 2, LINKING: 3, READYING: 4 } as const;

/** Frees who waited in vain. A bare link is ENODEV, a device that stays busy EIO. */
export function portLayer(disks: Disks) {
  /** Looks again a little later, until it takes too long. */
  function look(at: { deadlineNs: number }, run: LayerContext, errno: number): Move {
    return run.now() >= at.deadlineNs ? run.fail(errno) : run.again();
  }
  return layer({
    name: "sata.port",
    frame: portFrame,
    wait(at, run) {
      const { port } = disks.at(run.resource);
      if (at.step === STEP.STOP) {
        disks.writePort(port, R.PORT_IE, 0);
        disks.writePort(port, R.PORT_CMD, disks.readPort(port, R.PORT_CMD) & ~R.CMD_ST);
        return enter(at, run, STEP.STOPPED, STOP_NS);
      }
      if (at.step === STEP.RESETTING) return run.after(COMRESET_NS);
      const pollNs = at.pollNs;
      at.pollNs = Math.min(POLL_MAX_NS, pollNs * 2);
      return run.after(pollNs);
    },
    complete(at, run) {
      const { port, area } = disks.at(run.resource);
      switch (at.step) {
        case STEP.STOPPED: {
          const runs = (disks.readPort(port, R.PORT_CMD) & R.CMD_CR) !== 0;
          if (runs) return look(at, run, ERRNO.EIO);
          const { fisAddress } = disks.area(run.resource);
          disks.writePort(port, R.PORT_CLB, area);
          disks.writePort(port, R.PORT_CLBU, 0);
          disks.writePort(port, R.PORT_FB, fisAddress);
          disks.writePort(port, R.PORT_FBU, 0);
          // A device that hangs with BSY or DRQ set is not started over without a reset.
          const task = disks.readPort(port, R.PORT_TFD);
          const isStuck = (task & (R.STATUS_BSY | R.STATUS_DRQ)) !== 0 && task !== R.TFD_NO_DEVICE;
          disks.writePort(port, R.PORT_CMD, R.CMD_FRE | R.CMD_SUD | R.CMD_POD);
          if (at.reset || isStuck) {
            disks.at(run.resource).resets += 1;
            disks.writePort(port, R.PORT_SCTL, SCTL_COMRESET);
            at.step = STEP.RESETTING;
          } else begin(at, run, STEP.LINKING, LINK_NS);
          return run.again();
        }
        case STEP.RESETTING:
          disks.writePort(port, R.PORT_SCTL, SCTL_RUN);
          begin(at, run, STEP.LINKING, LINK_NS);
          return run.again();
        case STEP.LINKING:
          if ((disks.readPort(port, R.PORT_SSTS) & R.DET_MASK) !== R.DET_PRESENT) {
            return look(at, run, ERRNO.ENODEV);
          }
          begin(at, run, STEP.READYING, READY_NS);
          return run.again();
        default: {
          const busy = disks.readPort(port, R.PORT_TFD) & (R.STATUS_BSY | R.STATUS_DRQ);
          if (busy !== 0) return look(at, run, ERRNO.EIO);
          disks.writePort(port, R.PORT_SERR, 0xffffffff);
          disks.writePort(port, R.PORT_IS, 0xffffffff);
          disks.write(R.HBA_IS, (1 << port) >>> 0);
          const cmd = R.CMD_FRE | R.CMD_SUD | R.CMD_POD | R.CMD_ST;
          disks.writePort(port, R.PORT_CMD, cmd);
          return run.done(0);
        }
      }
    },
  });
}

type PortFrame = { step: number; pollNs: number; deadlineNs: number };

function begin(at: PortFrame, run: LayerContext, step: number, limitNs: number): void {
  at.step = step;
  at.pollNs = POLL_FIRST_NS;
  at.deadlineNs = run.now() + limitNs;
}

function enter(at: PortFrame, run: LayerContext, step: number, limitNs: number) {
  begin(at, run, step, limitNs);
  return run.ready();
}

/** A command without an operation of its own, in slot 0, into the internal buffer. */
export function internalLayer(disks: Disks) {
  return layer({
    name: "sata.internal",
    frame: struct({
      command: u8,
      /** The operation code of the packet, where the command is PACKET. */
      packet: u8,
      page: u8,
      count: u16,
      sizeBytes: u16,
      issued: bool,
      pollNs: u32,
      deadlineNs: u53,
    }),
    wait(at, run) {
      if (!at.issued) {
        const { task } = disks;
        task.command = at.command;
        task.features = 0;
        task.count = at.count;
        task.lba = at.command === ATA.PACKET ? PACKET_LIMIT : at.page;
        task.device = 0x40;
        const area = disks.area(run.resource);
        area.buildInternal(task, at.sizeBytes, false);
        if (at.command === ATA.PACKET) area.putInternalPacket(at.packet);
        at.issued = true;
        at.pollNs = POLL_FIRST_NS;
        at.deadlineNs = run.now() + COMMAND_TIMEOUT_NS;
        disks.writePort(disks.at(run.resource).port, R.PORT_CI, 1);
      }
      const { pollNs } = at;
      at.pollNs = Math.min(POLL_MAX_NS, pollNs * 2);
      return run.after(pollNs);
    },
    complete(at, run) {
      const { port } = disks.at(run.resource);
      const isBusy = (disks.readPort(port, R.PORT_CI) & 1) !== 0;
      const failed = (disks.readPort(port, R.PORT_IS) & (R.IS_FATAL | R.IS_OFS)) !== 0;
      if (isBusy && !failed && run.now() < at.deadlineNs) return run.again();
      disks.area(run.resource).endInternal();
      if (failed) return run.fail(ERRNO.EIO);
      return isBusy ? run.fail(ERRNO.ETIMEDOUT) : run.done(0);
    },
    cancel(at, run) {
      if (at.issued) disks.area(run.resource).endInternal();
    },
  });
}
