/**
 * What IDENTIFY DEVICE says, read for a driver and for people.
 *
 * References: [ACS-3] 7.12.7.
 */

export interface Identity {
  model: string;
  serial: string;
  firmware: string;
  sectors: number;
  sectorBytes: number;
  /** Commands in the queue, 0 without NCQ. */
  queueDepth: number;
  features: string[];
}

/** Word 83 and the like are valid when bits 15:14 are 01. */
const isValid = (word: number): boolean => (word & 0xc000) === 0x4000;

/** @param data the 512 bytes */
export function readIdentity(data: Uint8Array): Identity {
  const word = (n: number): number => data[2 * n]! | (data[2 * n + 1]! << 8);
  const long = (n: number): number => word(n) + word(n + 1) * 65536;
  // The bytes of each word are swapped in texts.
  const text = (first: number, words: number): string => {
    let found = "";
    for (let i = 0; i < words * 2; i++) found += String.fromCharCode(data[2 * first + (i ^ 1)]!);
    return found.trim();
  };
  const has48 = isValid(word(83)) && (word(83) & 0x0400) !== 0;
  const hasNcq = word(76) !== 0xffff && (word(76) & 0x0100) !== 0;
  const isLarge = isValid(word(106)) && (word(106) & 0x1000) !== 0;
  const features: string[] = [];
  const add = (name: string, has: boolean): void => void (has && features.push(name));
  add("lba48", has48);
  add("ncq", hasNcq);
  add("writeCache", (word(85) & 0x20) !== 0);
  add("lookAhead", (word(85) & 0x40) !== 0);
  add("fua", isValid(word(84)) && (word(84) & 0x40) !== 0);
  add("trim", (word(169) & 1) !== 0);
  add("smart", (word(85) & 1) !== 0);
  return {
    model: text(27, 20),
    serial: text(10, 10),
    firmware: text(23, 4),
    sectors: has48 ? long(100) + long(102) * 2 ** 32 : long(60),
    sectorBytes: isLarge ? 2 * long(117) : 512,
    queueDepth: hasNcq ? (word(75) & 31) + 1 : 0,
    features,
  };
}
