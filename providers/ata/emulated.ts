/**
 * The disk on the emulated machine: mounts an IDE controller at a PC's places, puts a drive on its
 * cable for each disk that is opened, and drives it by the layers in driver/.
 */
import {
  ReelError,
  type Driver,
  type DriverContext,
  type SavedDevice,
} from "../../core/provider/index.ts";
import { unsuspendable } from "../disk/suspension.ts";
import { statisticsOf } from "../disk/counts.ts";
import type { AccessWidth } from "../disk/host.ts";
import { changingMedia, fixedMedia } from "../disk/media-change.ts";
import { explainRange } from "../disk/range.ts";
import { Board, COMMAND_BYTES_MAX } from "./driver/board.ts";
import { commandLayer } from "./driver/command.ts";
import { discLayer } from "./driver/disc.ts";
import { openingLayer } from "./driver/opening.ts";
import { packetLayer } from "./driver/packet.ts";
import { attempts as attemptsOf } from "./driver/retry.ts";
import { discardLayer, flushLayer, identifyLayer } from "./driver/simple.ts";
import { transferLayer } from "./driver/transfer.ts";
import { turnLayer } from "./driver/turn.ts";
import { IdeController } from "./device.ts";
import { Fleet } from "./fleet.ts";
import type { AtaOptions } from "./options.ts";
import { BUS_MASTER_PORT, COMMAND_PORTS, CONTROL_PORTS, IDE_LINES } from "./registers.ts";

/** PCI command register: I/O space and bus mastering, as firmware leaves it. */
const PCI_COMMAND = 4;
const PCI_ENABLED = 5;

function mount(cx: DriverContext): IdeController {
  const { machine } = cx;
  const hosts = [
    machine.attach("ata.primary", IDE_LINES[0]),
    machine.attach("ata.secondary", IDE_LINES[1]),
  ] as const;
  const ide = new IdeController({ hosts, drives: [] });
  const place = (base: number, length: number, block: string): void => {
    const read = (offset: number, width: AccessWidth): number =>
      ide.readRegister(block, offset, width);
    const write = (offset: number, width: AccessWidth, value: number): void =>
      ide.writeRegister(block, offset, width, value);
    machine.ports.register(base, length, { read, write }, `ata.${block}`);
  };
  for (const i of [0, 1] as const) {
    place(COMMAND_PORTS[i], 8, `command${i}`);
    place(CONTROL_PORTS[i], 1, `control${i}`);
  }
  place(BUS_MASTER_PORT, 16, "bus-master");
  ide.writeRegister("pci", PCI_COMMAND, 2, PCI_ENABLED);
  return ide;
}

/** Where a disk goes: where its options say, or the first place that is free. */
function placeFor(fleet: Cables, { channel, drive }: AtaOptions): [channel: number, drive: number] {
  for (const at of [0, 1]) {
    for (const position of [0, 1]) {
      const isMeant = (channel < 0 || channel === at) && (drive < 0 || drive === position);
      if (isMeant && !fleet.has(at, position)) return [at, position];
    }
  }
  throw new ReelError("EBUSY", "Cannot open an ata disk: its place on the cable is taken", {
    mend: "Close the disk there, or leave channel and drive at -1 for the first free place",
    details: { channel, drive },
  });
}

/** The drives behind the controller that {@link driveAta} works: ours, or real hardware's. */
export type Cables = Pick<Fleet, "has" | "plug" | "unplug" | "describe"> & SavedDevice;

export function emulatedAta(cx: DriverContext): Driver<AtaOptions> {
  const fleet = new Fleet(mount(cx), cx, () => cx.machine.now());
  return driveAta(cx, fleet, changingMedia("ata", fleet));
}

/**
 * The driver alone, for whatever controller stands at the machine's places.
 * @param media how media are changed, where they can be
 */
export function driveAta(
  cx: DriverContext,
  fleet: Cables,
  media = fixedMedia("ata"),
): Driver<AtaOptions> {
  const board = new Board(cx);
  const command = commandLayer(board);
  const attempts = attemptsOf(board, command as never);
  const packet = packetLayer(board, command as never);
  const packets = attemptsOf(board, packet);
  const discs = [false, true].map((write) => discLayer(board, packets, write));
  const alone = [flushLayer, discardLayer, identifyLayer].map((make) => make(board, attempts));
  const [flush, discard, identify] = alone.map((inner) =>
    turnLayer(board, `${inner.name}-turn`, inner),
  );
  return {
    operations: {
      read: transferLayer(board, attempts, discs[0]!, false),
      write: transferLayer(board, attempts, discs[1]!, true),
      flush: flush!,
      discard: discard!,
      identify: identify!,
      ...unsuspendable("ata"),
      ...media,
    },
    layers: [command as never, packet, ...discs, ...alone],
    opening: openingLayer(board, attempts),
    devices: [fleet],
    open(resource, options) {
      const [channel, drive] = placeFor(fleet, options);
      const isReadOnly = fleet.plug({ ...options, resource, channel, drive }, cx.random.uint32());
      const disk = board.disks.at(resource);
      disk.channel = channel;
      disk.position = drive;
      disk.dma = options.dma === "auto";
      disk.readOnly = isReadOnly;
      disk.sectorBytes = 512;
      disk.multiple = 1;
      board.allocate(resource);
      const { commands } = board.turns;
      commands.begin(resource, options.elevator, 1, COMMAND_BYTES_MAX / disk.sectorBytes);
      commands.setOpen(resource, true);
    },
    describe: (resource) => fleet.describe(resource),
    explainRange(resource, request) {
      const { sectorBytes, sectors } = board.disks.at(resource);
      return explainRange({ blockBytes: sectorBytes, sizeBytes: sectors * sectorBytes }, request);
    },
    statistics: (resource) => ({
      ...statisticsOf(board.disks.at(resource)),
      ...board.turns.commands.table.counts(resource),
    }),
    release(resource) {
      board.free(resource);
      board.turns.commands.table.release(resource);
      fleet.unplug(resource);
    },
  };
}
