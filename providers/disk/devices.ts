/**
 * `ioreel/devices`: the disk controllers as hardware, for machines of any make. The models are
 * plain classes over a small host interface and need nothing else of ioreel; the page
 * docs/mounting-a-device.md shows one on a machine of sixty lines.
 */
export type {
  AccessWidth,
  DeviceHost,
  DeviceModel,
  DeviceRandom,
  DeviceScheduler,
  DeviceTimer,
} from "./host.ts";
export { MEDIUM, MemoryMedium, type Medium, type MediumStatus } from "./medium.ts";
export { OverlayMedium, fileBase, zeros, type MediumBase } from "./image.ts";
export { FAULT_KINDS, FaultList, parseFault, type Fault, type FaultKind } from "./faults.ts";
export { TIMING_NAMES, timingOf, type Timing, type TimingName } from "./timing.ts";
export { PciFunction } from "./pci.ts";
export { DiskDrive, type DiskOptions } from "./drive/disk-drive.ts";
export { PacketDrive } from "./drive/packet-drive.ts";
export { PROTOCOL, type Drive, type Plan, type TaskFile } from "./drive/drive.ts";
export { IdeController, type IdeOptions } from "../ata/device.ts";
export { AhciHba, type HbaOptions } from "../sata/device.ts";
export { FloppyController, type FloppyControllerOptions } from "../fdd/device.ts";
