/** Opening a disk: its port is brought up and it is asked who it is. */
import { ERRNO, layer, struct, u8 } from "../../../core/provider/index.ts";
import { ATA } from "../../disk/drive/bits.ts";
import * as R from "../registers.ts";
import { type internalLayer, type portLayer } from "./bring-up.ts";
import { INTERRUPTS, type Disks } from "./disks.ts";
import { readIdentity } from "./identity.ts";

const SECTOR = 512;

export function openingLayer(
  disks: Disks,
  port: ReturnType<typeof portLayer>,
  internal: ReturnType<typeof internalLayer>,
) {
  return layer({
    name: "sata.open",
    frame: struct({ step: u8 }),
    wait: (_at, run) => run.ready(),
    complete(at, run, result) {
      if (result < 0) return run.fail(-result);
      at.step += 1;
      const disk = disks.at(run.resource);
      switch (at.step) {
        case 1:
          return run.call(port, { reset: false });
        case 2:
          if (disks.readPort(disk.port, R.PORT_SIG) !== R.SIG_DISK) return run.fail(ERRNO.ENODEV);
          return run.call(internal, { command: ATA.IDENTIFY_DEVICE, sizeBytes: SECTOR });
        default: {
          const { bytes, internalAt } = disks.area(run.resource);
          const identity = readIdentity(bytes.slice(internalAt, internalAt + SECTOR));
          if (identity.sectorBytes !== SECTOR || !identity.features.includes("lba48")) {
            return run.fail(ERRNO.ENODEV);
          }
          disk.sectors = identity.sectors;
          disk.queued = identity.queueDepth > 0;
          if (disk.queued) disk.usable = Math.min(disk.tags, identity.queueDepth);
          else disk.usable = disk.tags;
          disk.generation += 1;
          disk.phase = "ready";
          disks.writePort(disk.port, R.PORT_IS, 0xffffffff);
          disks.writePort(disk.port, R.PORT_IE, INTERRUPTS);
          return run.done(0);
        }
      }
    },
  });
}
