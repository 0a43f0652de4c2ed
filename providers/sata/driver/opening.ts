/**
 * Opening a disk: its port is brought up and it is asked who it is. Closing one: what it was sent
 * is flushed.
 */
import {
  ERRNO,
  layer,
  struct,
  u8,
  type LayerContext,
  type Move,
} from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import * as R from "../registers.ts";
import type { internalLayer, portLayer } from "./bring-up.ts";
import { CAPACITY_BYTES, PACKET, learnCapacity } from "./disc.ts";
import { INTERRUPTS, type Disks } from "./disks.ts";
import { readIdentity } from "./identity.ts";

const SECTOR = 512;

export type PortLayer = ReturnType<typeof portLayer>;
export type InternalLayer = ReturnType<typeof internalLayer>;

/** How often a disk is asked who it is, each time after a reset but the first. */
const ATTEMPTS_MAX = 3;

/** How often a drive is asked whether it is ready: the first answer is that it was reset. */
const READY_TRIES_MAX = 4;

const STEP = { BEGIN: 0, UP: 1, ASKED: 2, STARTED: 3, READY: 4, CAPACITY: 5 } as const;

/** The disk can be given commands from now on. */
function begin(disks: Disks, resource: number): void {
  const { port } = disks.at(resource);
  disks.writePort(port, R.PORT_IS, 0xffffffff);
  disks.writePort(port, R.PORT_IE, INTERRUPTS);
  disks.open(resource);
}

/** The disk has said who it is. @returns 0, or an error number */
function take(disks: Disks, resource: number): number {
  const disk = disks.at(resource);
  const { bytes, internalAt } = disks.area(resource);
  const identity = readIdentity(bytes.slice(internalAt, internalAt + SECTOR));
  const isFit = identity.sectorBytes === SECTOR && identity.features.includes("lba48");
  if (!isFit) return ERRNO.ENODEV;
  const { queueDepth } = identity;
  disk.sectorBytes = SECTOR;
  disk.sectors = identity.sectors;
  disk.queued = queueDepth > 0;
  disk.usable = queueDepth > 0 ? Math.min(disk.tags, queueDepth) : disk.tags;
  disk.generation += 1;
  begin(disks, resource);
  return 0;
}

/** The drive has said what its disc can hold. */
function takeDisc(disks: Disks, resource: number): void {
  const disk = disks.at(resource);
  learnCapacity(disks, resource, disks.area(resource).internalAt);
  disk.readOnly = true;
  disk.queued = false;
  disk.usable = 1;
  begin(disks, resource);
}

export function openingLayer(disks: Disks, port: PortLayer, internal: InternalLayer) {
  const ask = (run: LayerContext, packet: number, sizeBytes: number): Move =>
    run.call(internal, { command: ATA.PACKET, packet, sizeBytes });
  /** Asks what the signature says that it is who it is. */
  function identify(at: { step: number }, run: LayerContext, signature: number): Move {
    const disk = disks.at(run.resource);
    disk.packet = signature === R.SIG_PACKET;
    if (!disk.packet && signature !== R.SIG_DISK) return run.fail(ERRNO.ENODEV);
    at.step = STEP.ASKED;
    const command = disk.packet ? ATA.IDENTIFY_PACKET_DEVICE : ATA.IDENTIFY_DEVICE;
    return run.call(internal, { command, sizeBytes: SECTOR });
  }
  return layer({
    name: "sata.open",
    frame: struct({ step: u8, attempts: u8 }),
    wait: (_at, run) => run.ready(),
    complete(at, run, result) {
      if (result === -ERRNO.EIO && at.step >= STEP.STARTED) {
        at.attempts += 1;
        if (at.attempts > READY_TRIES_MAX) return run.fail(ERRNO.ENOMEDIUM);
        // CHECK CONDITION has stopped the port.
        at.step = STEP.STARTED;
        return run.call(port, { reset: false });
      }
      if (result < 0) {
        at.attempts += 1;
        const isHopeless = at.step === STEP.UP || at.attempts >= ATTEMPTS_MAX;
        if (isHopeless) return run.fail(-result);
        at.step = STEP.UP;
        return run.call(port, { reset: true });
      }
      const { port: number } = disks.at(run.resource);
      switch (at.step) {
        case STEP.BEGIN:
          at.step = STEP.UP;
          return run.call(port, { reset: false });
        case STEP.UP:
          return identify(at, run, disks.readPort(number, R.PORT_SIG));
        case STEP.STARTED:
          at.step = STEP.READY;
          return ask(run, PACKET.READY, 0);
        case STEP.READY:
          at.step = STEP.CAPACITY;
          return ask(run, PACKET.CAPACITY, CAPACITY_BYTES);
        case STEP.CAPACITY:
          takeDisc(disks, run.resource);
          return run.done(0);
        default: {
          if (disks.at(run.resource).packet) {
            at.step = STEP.READY;
            return ask(run, PACKET.READY, 0);
          }
          const error = take(disks, run.resource);
          return error === 0 ? run.done(0) : run.fail(error);
        }
      }
    },
  });
}

/**
 * Closing: nothing is in flight but what operations left behind, and the service has ended, maybe
 * in the middle of a repair. So the port is brought up anew, and the flush looked for by polling.
 * What cannot be flushed is lost, as with any disk that fails; closing says so if the disk does.
 */
export function closingLayer(disks: Disks, port: PortLayer, internal: InternalLayer) {
  return layer({
    name: "sata.close",
    frame: struct({ step: u8 }),
    wait: (_at, run) => run.ready(),
    complete(at, run, result) {
      const { phase, readOnly, flying } = disks.at(run.resource);
      if (result === -ERRNO.EIO && at.step === STEP.ASKED) return run.fail(ERRNO.EIO);
      if (result < 0 || phase === "gone" || phase === "starting" || readOnly) return run.done(0);
      switch (at.step) {
        case STEP.BEGIN:
          at.step = STEP.UP;
          return run.call(port, { reset: flying !== 0 || phase === "repairing" });
        case STEP.UP:
          at.step = STEP.ASKED;
          return run.call(internal, { command: ATA.FLUSH_CACHE_EXT });
        default:
          return run.done(0);
      }
    },
  });
}
