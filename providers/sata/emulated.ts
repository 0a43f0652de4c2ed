/**
 * SATA on the emulated machine: an AHCI adapter with a disk for each resource, and the driver that
 * works it through its registers. The two meet nowhere else.
 */
import type { Driver, DriverContext, SavedDevice } from "../../core/provider/index.ts";
import { statisticsOf } from "../disk/counts.ts";
import { discardLayer, flushLayer, identifyLayer } from "./driver/alone.ts";
import { internalLayer, portLayer } from "./driver/bring-up.ts";
import { Disks } from "./driver/disks.ts";
import { Fitting } from "./driver/fitting.ts";
import { fixedMedia } from "../disk/media-change.ts";
import { explainRange } from "../disk/range.ts";
import { unsuspendable } from "../disk/suspension.ts";
import { closingLayer, openingLayer } from "./driver/opening.ts";
import { repairLayer } from "./driver/repair.ts";
import { transferLayer } from "./driver/transfer.ts";
import type { SataOptions } from "./options.ts";
import * as R from "./registers.ts";

const SECTOR = 512;

/** The disks in the ports of the adapter that {@link driveSata} works: ours, or real hardware's. */
export type Bays = Pick<Fitting, "plug" | "unplug"> & SavedDevice;

export function emulatedSata(cx: DriverContext): Driver<SataOptions> {
  return driveSata(cx, new Fitting(cx));
}

/** The driver alone, for whatever adapter stands at the machine's places. */
export function driveSata(cx: DriverContext, fitting: Bays): Driver<SataOptions> {
  const disks = new Disks(cx);
  const port = portLayer(disks);
  const internal = internalLayer(disks);
  const opening = openingLayer(disks, port, internal);
  const repair = repairLayer(disks, { port, internal, opening });
  disks.write(R.HBA_GHC, R.GHC_AE | R.GHC_IE);
  cx.onInterrupt(R.SATA_LINE, disks.serve);
  return {
    operations: {
      read: transferLayer(disks, false),
      write: transferLayer(disks, true),
      flush: flushLayer(disks),
      discard: discardLayer(disks),
      identify: identifyLayer(disks),
      ...unsuspendable("sata"),
      ...fixedMedia("sata"),
    },
    layers: [port, internal, opening, repair],
    devices: [fitting],
    opening,
    closing: closingLayer(disks, port, internal),
    open(resource, options) {
      const found = fitting.plug(options);
      try {
        const tags = Math.max(1, options.queueDepth);
        const { readOnly, elevator } = options;
        disks.begin(resource, { port: found, tags, readOnly, elevator });
      } catch (error) {
        fitting.unplug(found);
        throw error;
      }
    },
    service: () => repair,
    describe(resource) {
      const { port: number, sectors } = disks.at(resource);
      return `port ${number}, ${sectors * SECTOR} bytes`;
    },
    explainRange(resource, request) {
      const sizeBytes = disks.at(resource).sectors * SECTOR;
      return explainRange({ blockBytes: SECTOR, sizeBytes }, request);
    },
    statistics: (resource) => ({
      ...statisticsOf(disks.at(resource)),
      ...disks.turns.commands.table.counts(resource),
    }),
    restore: (resource) => disks.adopt(resource),
    release(resource) {
      const { port: number } = disks.at(resource);
      disks.writePort(number, R.PORT_IE, 0);
      disks.writePort(number, R.PORT_CMD, 0);
      fitting.unplug(number);
      disks.end(resource);
    },
  };
}
