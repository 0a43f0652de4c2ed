/** Reads IDENTIFY data as a driver does ([ATA-6] 8.15, [ACS-3] 7.12). */

const word = (data: Uint8Array, at: number): number => data[2 * at]! + data[2 * at + 1]! * 256;
const long = (data: Uint8Array, at: number): number => word(data, at) + word(data, at + 1) * 65536;

function text(data: Uint8Array, at: number, words: number): string {
  let found = "";
  for (let i = 0; i < words * 2; i++) found += String.fromCharCode(data[2 * at + (i ^ 1)]!);
  return found.trim();
}

export interface IdentifyWords {
  lba: boolean;
  lba48: boolean;
  dma: boolean;
  trim: boolean;
  flush: boolean;
  fua: boolean;
  /** Sectors a DRQ block at most; 0 when READ MULTIPLE is not there. */
  multiple: number;
  /** Ultra DMA modes, one bit each. */
  ultraModes: number;
  sectors: number;
}

export function readIdentify(data: Uint8Array): IdentifyWords {
  const lba48 = (word(data, 83) & 0x0400) !== 0;
  const small = long(data, 60);
  const large = long(data, 100) + long(data, 102) * 2 ** 32;
  return {
    lba: (word(data, 49) & 0x0200) !== 0,
    lba48,
    dma: (word(data, 49) & 0x0100) !== 0,
    trim: (word(data, 169) & 1) !== 0,
    flush: (word(data, 83) & 0x1000) !== 0,
    fua: (word(data, 84) & 0x40) !== 0,
    multiple: word(data, 47) & 0xff,
    ultraModes: (word(data, 53) & 4) !== 0 ? word(data, 88) & 0xff : 0,
    sectors: lba48 && large > 0 ? large : small,
  };
}

/** The words for people. */
export function describeIdentify(data: Uint8Array) {
  const found = readIdentify(data);
  const features = Object.entries({
    lba: found.lba,
    lba48: found.lba48,
    dma: found.dma,
    trim: found.trim,
    flush: found.flush,
    fua: found.fua,
    writeCache: (word(data, 85) & 0x20) !== 0,
    smart: (word(data, 85) & 1) !== 0,
    packet: (word(data, 0) & 0x8000) !== 0,
  });
  return {
    model: text(data, 27, 20),
    serial: text(data, 10, 10),
    firmware: text(data, 23, 4),
    features: features.filter(([, has]) => has).map(([name]) => name),
  };
}
