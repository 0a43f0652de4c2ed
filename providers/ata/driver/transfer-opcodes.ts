/** Which command moves sectors: by how data move, how long addresses are, and what is wanted. */
import { ATA } from "../../disk/drive/bits.ts";

/** The first sector that 28 bits cannot name. */
export const LBA28_END = 2 ** 28;

/** Addresses of 28 bits, of 48 bits, and of 48 bits for a write that is durable at its end. */
export const WIDTH = { PLAIN: 0, EXTENDED: 1, DURABLE: 2 } as const;

/** By how data move, then by {@link WIDTH}. */
const OPCODES = {
  dma: {
    read: [ATA.READ_DMA, ATA.READ_DMA_EXT, ATA.READ_DMA_EXT],
    write: [ATA.WRITE_DMA, ATA.WRITE_DMA_EXT, ATA.WRITE_DMA_FUA_EXT],
  },
  single: {
    read: [ATA.READ_SECTORS, ATA.READ_SECTORS_EXT, ATA.READ_SECTORS_EXT],
    write: [ATA.WRITE_SECTORS, ATA.WRITE_SECTORS_EXT, ATA.WRITE_MULTIPLE_FUA_EXT],
  },
  multiple: {
    read: [ATA.READ_MULTIPLE, ATA.READ_MULTIPLE_EXT, ATA.READ_MULTIPLE_EXT],
    write: [ATA.WRITE_MULTIPLE, ATA.WRITE_MULTIPLE_EXT, ATA.WRITE_MULTIPLE_FUA_EXT],
  },
} as const;

/** @param multiple sectors a DRQ block */
export function opcodeOf(
  dma: boolean,
  multiple: number,
  write: boolean,
  width: (typeof WIDTH)[keyof typeof WIDTH],
): number {
  const mode = dma ? OPCODES.dma : multiple > 1 ? OPCODES.multiple : OPCODES.single;
  return (write ? mode.write : mode.read)[width];
}
