/** Bits and opcodes of ATA that drives and transports share ([ATA-6] 7 and 8, [ACS-3] 6 and 7). */

/** Status register ([ATA-6] 7.15). */
export const STATUS = {
  BSY: 0x80,
  DRDY: 0x40,
  /** Device fault. */
  DF: 0x20,
  /** Seek complete, in the old sense; 1 when idle. */
  DSC: 0x10,
  DRQ: 0x08,
  /** ERR, and CHK of packet devices. */
  ERR: 0x01,
} as const;

/** Error register ([ATA-6] 7.9). */
export const ERROR = {
  /** Interface CRC error of an Ultra DMA transfer. */
  ICRC: 0x80,
  /** Uncorrectable data. */
  UNC: 0x40,
  MC: 0x20,
  /** Address not found: outside the device. */
  IDNF: 0x10,
  ABRT: 0x04,
} as const;

/** Device register ([ATA-6] 7.7). */
export const DEVICE = { LBA: 0x40, SELECT: 0x10, HEAD: 0x0f } as const;

/** Interrupt reason of packet commands, in the count register ([ATA-6] 9.6). */
export const REASON = { COMMAND: 0x01, TO_HOST: 0x02 } as const;

/** Opcodes ([ATA-6] 8, [ACS-3] 7; the retired ones of [ATA-3]). */
export const ATA = {
  NOP: 0x00,
  DATA_SET_MANAGEMENT: 0x06,
  DEVICE_RESET: 0x08,
  RECALIBRATE: 0x10,
  READ_SECTORS: 0x20,
  READ_SECTORS_NORETRY: 0x21,
  READ_SECTORS_EXT: 0x24,
  READ_DMA_EXT: 0x25,
  READ_NATIVE_MAX_EXT: 0x27,
  READ_MULTIPLE_EXT: 0x29,
  READ_LOG_EXT: 0x2f,
  WRITE_SECTORS: 0x30,
  WRITE_SECTORS_NORETRY: 0x31,
  WRITE_SECTORS_EXT: 0x34,
  WRITE_DMA_EXT: 0x35,
  WRITE_MULTIPLE_EXT: 0x39,
  WRITE_DMA_FUA_EXT: 0x3d,
  READ_VERIFY: 0x40,
  READ_VERIFY_NORETRY: 0x41,
  READ_VERIFY_EXT: 0x42,
  READ_LOG_DMA_EXT: 0x47,
  READ_FPDMA_QUEUED: 0x60,
  WRITE_FPDMA_QUEUED: 0x61,
  SEEK: 0x70,
  EXECUTE_DEVICE_DIAGNOSTIC: 0x90,
  INITIALIZE_DEVICE_PARAMETERS: 0x91,
  PACKET: 0xa0,
  IDENTIFY_PACKET_DEVICE: 0xa1,
  SMART: 0xb0,
  READ_MULTIPLE: 0xc4,
  WRITE_MULTIPLE: 0xc5,
  SET_MULTIPLE: 0xc6,
  READ_DMA: 0xc8,
  READ_DMA_NORETRY: 0xc9,
  WRITE_DMA: 0xca,
  WRITE_DMA_NORETRY: 0xcb,
  WRITE_MULTIPLE_FUA_EXT: 0xce,
  STANDBY_IMMEDIATE: 0xe0,
  IDLE_IMMEDIATE: 0xe1,
  STANDBY: 0xe2,
  IDLE: 0xe3,
  CHECK_POWER_MODE: 0xe5,
  SLEEP: 0xe6,
  FLUSH_CACHE: 0xe7,
  FLUSH_CACHE_EXT: 0xea,
  IDENTIFY_DEVICE: 0xec,
  SET_FEATURES: 0xef,
  READ_NATIVE_MAX: 0xf8,
} as const;
