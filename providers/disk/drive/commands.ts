/**
 * The disk's commands as a table: how each addresses sectors and how it moves its data. What is
 * not in the table is aborted ([ATA-6] 8.1: commands that are not supported set ABRT).
 */
import { ATA } from "./bits.ts";
import { PROTOCOL, type Protocol } from "./drive.ts";

export interface CommandShape {
  readonly protocol: Protocol;
  /** Reads, writes or verifies sectors. */
  readonly medium: boolean;
  /** Addresses 48 bits. */
  readonly extended: boolean;
  /** Moves several sectors a DRQ block: needs SET MULTIPLE. */
  readonly multiple: boolean;
  readonly fua: boolean;
  readonly queued: boolean;
}

const shapes: (CommandShape | undefined)[] = Array.from({ length: 256 }, () => undefined);

type Trait = "medium" | "extended" | "multiple" | "fua" | "queued";

function define(protocol: Protocol, traits: readonly Trait[], ...opcodes: readonly number[]): void {
  const has = (trait: Trait): boolean => traits.includes(trait);
  for (const opcode of opcodes) {
    shapes[opcode] = {
      protocol,
      medium: has("medium"),
      extended: has("extended"),
      multiple: has("multiple"),
      fua: has("fua"),
      queued: has("queued"),
    };
  }
}

const { NONE, PIO_IN, PIO_OUT, DMA_IN, DMA_OUT, RESET } = PROTOCOL;
define(PIO_IN, ["medium"], ATA.READ_SECTORS, ATA.READ_SECTORS_NORETRY);
define(PIO_IN, ["medium", "extended"], ATA.READ_SECTORS_EXT);
define(PIO_IN, ["medium", "multiple"], ATA.READ_MULTIPLE);
define(PIO_IN, ["medium", "extended", "multiple"], ATA.READ_MULTIPLE_EXT);
define(PIO_OUT, ["medium"], ATA.WRITE_SECTORS, ATA.WRITE_SECTORS_NORETRY);
define(PIO_OUT, ["medium", "extended"], ATA.WRITE_SECTORS_EXT);
define(PIO_OUT, ["medium", "multiple"], ATA.WRITE_MULTIPLE);
define(PIO_OUT, ["medium", "extended", "multiple"], ATA.WRITE_MULTIPLE_EXT);
define(PIO_OUT, ["medium", "extended", "multiple", "fua"], ATA.WRITE_MULTIPLE_FUA_EXT);
define(NONE, ["medium"], ATA.READ_VERIFY, ATA.READ_VERIFY_NORETRY);
define(NONE, ["medium", "extended"], ATA.READ_VERIFY_EXT);
define(DMA_IN, ["medium"], ATA.READ_DMA, ATA.READ_DMA_NORETRY);
define(DMA_IN, ["medium", "extended"], ATA.READ_DMA_EXT);
define(DMA_IN, ["medium", "extended", "queued"], ATA.READ_FPDMA_QUEUED);
define(DMA_OUT, ["medium"], ATA.WRITE_DMA, ATA.WRITE_DMA_NORETRY);
define(DMA_OUT, ["medium", "extended"], ATA.WRITE_DMA_EXT);
define(DMA_OUT, ["medium", "extended", "fua"], ATA.WRITE_DMA_FUA_EXT);
define(DMA_OUT, ["medium", "extended", "queued"], ATA.WRITE_FPDMA_QUEUED);
define(PIO_IN, [], ATA.IDENTIFY_DEVICE);
define(PIO_IN, ["extended"], ATA.READ_LOG_EXT);
define(DMA_IN, ["extended"], ATA.READ_LOG_DMA_EXT);
define(DMA_OUT, ["extended"], ATA.DATA_SET_MANAGEMENT);
define(NONE, [], ATA.RECALIBRATE, ATA.SEEK, ATA.INITIALIZE_DEVICE_PARAMETERS, ATA.SET_MULTIPLE);
define(NONE, [], ATA.STANDBY_IMMEDIATE, ATA.IDLE_IMMEDIATE, ATA.STANDBY, ATA.IDLE, ATA.SLEEP);
// The same power commands by their [ATA-3] opcodes, 94h to 99h.
define(NONE, [], 0x94, 0x95, 0x96, 0x97, 0x98, 0x99);
define(NONE, [], ATA.CHECK_POWER_MODE, ATA.FLUSH_CACHE, ATA.SET_FEATURES, ATA.READ_NATIVE_MAX);
define(NONE, ["extended"], ATA.FLUSH_CACHE_EXT, ATA.READ_NATIVE_MAX_EXT);
// What SMART moves depends on its subcommand.
define(NONE, [], ATA.SMART);
define(RESET, [], ATA.EXECUTE_DEVICE_DIAGNOSTIC);

const OLD_POWER = [
  ATA.STANDBY_IMMEDIATE,
  ATA.IDLE_IMMEDIATE,
  ATA.STANDBY,
  ATA.IDLE,
  ATA.CHECK_POWER_MODE,
  ATA.SLEEP,
];

/** The shape of an opcode, undefined when the disk does not have the command. */
export function shapeOf(opcode: number): CommandShape | undefined {
  return shapes[opcode & 0xff];
}

/** The power command that a retired opcode means; others are themselves. */
export function modernOpcode(opcode: number): number {
  return opcode >= 0x94 && opcode <= 0x99 ? OLD_POWER[opcode - 0x94]! : opcode;
}
