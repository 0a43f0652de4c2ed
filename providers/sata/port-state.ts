/** What a port of the HBA remembers, and what it needs of the HBA that it belongs to. */
import type { DeviceHost } from "../disk/host.ts";
import type { Dma } from "./dma.ts";
import type { SentFis } from "./fis.ts";
import * as R from "./registers.ts";

/** What a port needs of its HBA. */
export interface PortBoard {
  readonly host: DeviceHost;
  readonly dma: Dma;
  readonly fis: SentFis;
  /** From a reset of the link until the device's signature is there. */
  readonly linkNs: number;
  /** Whether devices set the interrupt bit of DMA setup FISes: PxIS.DSS. */
  readonly setupInterrupts: boolean;
  /** A port's status or enable bits changed: see what that means for the line. */
  update(port: number): void;
  /** An interrupt for nothing. */
  startle(): void;
}

/** The registers, and beside them what the state machine remembers. Plain numbers. */
export class PortState {
  clb = 0;
  clbu = 0;
  fb = 0;
  fbu = 0;
  is = 0;
  ie = 0;
  cmd = R.CMD_SUD | R.CMD_POD | R.CMD_HPCP;
  tfd = R.TFD_NO_DEVICE;
  sig = R.SIG_NONE;
  ssts = 0;
  sctl = 0;
  serr = 0;
  sact = 0;
  ci = 0;
  /** Slots of PxCI that were fetched. */
  issued = 0;
  /** After an error: no command is fetched before PxCMD.ST was 0. */
  halted = 0;
  /** The slot of the command that is not queued and not over, or -1. */
  current = -1;
  /** Tags that the device has accepted, and those of them that it works on. */
  queued = 0;
  active = 0;
  /** Whether the last device control FIS had SRST set. */
  srst = 0;
  /** A queued command failed: the device takes nothing but READ LOG EXT page 10h. */
  failed = 0;
  /** Counts resets and aborts: an event of an earlier generation does nothing. */
  generation = 0;
}
