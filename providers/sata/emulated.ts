/**
 * SATA on the emulated machine: an AHCI adapter with a disk for each resource, and the driver that
 * works it through its registers. The two meet nowhere else.
 */
import type { Driver, DriverContext, Layer, SavedDevice } from "../../core/provider/index.ts";
import { statisticsOf } from "../disk/counts.ts";
import { discardLayer, flushLayer, identifyLayer } from "./driver/alone.ts";
import { internalLayer, portLayer } from "./driver/bring-up.ts";
import { discLayer } from "./driver/disc.ts";
import { Disks } from "./driver/disks.ts";
import { Fitting } from "./driver/fitting.ts";
import { changingMedia, fixedMedia } from "../disk/media-change.ts";
import { explainRange } from "../disk/range.ts";
import { unsuspendable } from "../disk/suspension.ts";
import { closingLayer, openingLayer } from "./driver/opening.ts";
import { repairLayer } from "./driver/repair.ts";
import { transferLayer } from "./driver/transfer.ts";
import type { SataOptions } from "./options.ts";
import * as R from "./registers.ts";

/** The disks in the ports of the adapter that {@link driveSata} works: ours, or real hardware's. */
export type Bays = Pick<Fitting, "plug" | "unplug"> & SavedDevice;

export function emulatedSata(cx: DriverContext): Driver<SataOptions> {
  const fitting = new Fitting(cx);
  return driveSata(cx, fitting, (disks) =>
    changingMedia("sata", {
      eject: (resource) => fitting.eject(disks.at(resource).port),
      insert: (resource, image) => fitting.insert(disks.at(resource).port, image),
    }),
  );
}

/**
 * The driver alone, for whatever adapter stands at the machine's places.
 * @param media how media are changed, where they can be
 */
export function driveSata(
  cx: DriverContext,
  fitting: Bays,
  media: (disks: Disks) => ReturnType<typeof fixedMedia> = () => fixedMedia("sata"),
): Driver<SataOptions> {
  const disks = new Disks(cx);
  const port = portLayer(disks);
  const internal = internalLayer(disks);
  const opening = openingLayer(disks, port, internal);
  const repair = repairLayer(disks, { port, internal, opening });
  const discs = [false, true].map((write) => discLayer(disks, write) as never as Layer);
  disks.write(R.HBA_GHC, R.GHC_AE | R.GHC_IE);
  cx.onInterrupt(R.SATA_LINE, disks.serve);
  return {
    operations: {
      read: transferLayer(disks, discs[0]!, false),
      write: transferLayer(disks, discs[1]!, true),
      flush: flushLayer(disks),
      discard: discardLayer(disks),
      identify: identifyLayer(disks),
      ...unsuspendable("sata"),
      ...media(disks),
    },
    layers: [port, internal, opening, repair, ...discs],
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
      const { port: number, sectors, sectorBytes } = disks.at(resource);
      return `port ${number}, ${sectors * sectorBytes} bytes`;
    },
    explainRange(resource, request) {
      const { sectorBytes: blockBytes, sectors } = disks.at(resource);
      return explainRange({ blockBytes, sizeBytes: sectors * blockBytes }, request);
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
