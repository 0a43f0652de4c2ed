/**
 * IDENTIFY DEVICE data ([ATA-6] 8.15, [ACS-3] 7.12): 256 words that say what the disk is and which
 * features are on. Real drivers decide by words 47, 49, 53, 59 to 64, 75, 76, 80 to 88, 93, 100 to
 * 103, 106 and 169.
 */

export interface IdentifyFacts {
  model: string;
  serial: string;
  firmware: string;
  sectors: number;
  /** Default and current CHS translation: cylinders, heads, sectors a track. */
  cylinders: number;
  heads: number;
  trackSectors: number;
  currentCylinders: number;
  currentHeads: number;
  currentTrackSectors: number;
  /** Sectors a DRQ block of READ MULTIPLE; 0 when it is not set. */
  multiple: number;
  writeCache: boolean;
  lookAhead: boolean;
  smart: boolean;
  /** The transfer mode as SET FEATURES 03h gave it: 08h PIO, 20h multiword, 40h Ultra DMA. */
  transferMode: number;
  /** Queue depth of NCQ, 0 for none. */
  queueDepth: number;
  rotationRpm: number;
  /** Device 0 or 1 of a parallel cable; -1 on a serial one. */
  position: number;
}

export const MULTIPLE_MAX = 16;
const LBA28_MAX = 0x0fffffff;

export function putWord(data: Uint8Array, word: number, value: number): void {
  data[2 * word] = value & 0xff;
  data[2 * word + 1] = (value >>> 8) & 0xff;
}

/** Text as ATA has it: padded with spaces, the bytes of each word swapped. */
export function putText(data: Uint8Array, word: number, words: number, text: string): void {
  for (let i = 0; i < words * 2; i++) {
    const code = i < text.length ? text.charCodeAt(i) & 0x7f : 0x20;
    data[2 * word + (i ^ 1)] = code;
  }
}

function putLong(data: Uint8Array, word: number, value: number): void {
  putWord(data, word, value % 65536);
  putWord(data, word + 1, Math.floor(value / 65536) % 65536);
}

/** The bit of the transfer mode in use, behind the bits of the modes that there are. */
function modeWord(facts: IdentifyFacts, group: number, supported: number): number {
  const isOn = (facts.transferMode & 0xf8) === group;
  return supported | (isOn ? 0x100 << (facts.transferMode & 7) : 0);
}

/** Word 93: which device this is, and the 80-conductor cable that Ultra DMA above 2 wants. */
function resetResult(position: number): number {
  if (position < 0) return 0;
  return 0x6000 | (position === 0 ? 0x000b : 0x0b00);
}

/** A checksum in the last byte makes all 512 add up to 0 ([ATA-6] 8.15.62). */
export function putChecksum(data: Uint8Array): void {
  data[510] = 0xa5;
  data[511] = 0;
  let sum = 0;
  for (let i = 0; i < 511; i++) sum += data[i]!;
  data[511] = -sum & 0xff;
}

export function fillIdentify(data: Uint8Array, facts: IdentifyFacts): void {
  data.fill(0);
  const put = (word: number, value: number): void => putWord(data, word, value);
  const small = Math.min(facts.sectors, LBA28_MAX);
  put(0, 0x0040); // A fixed ATA device.
  put(1, facts.cylinders);
  put(3, facts.heads);
  put(6, facts.trackSectors);
  putText(data, 10, 10, facts.serial);
  putText(data, 23, 4, facts.firmware);
  putText(data, 27, 20, facts.model);
  put(47, 0x8000 | MULTIPLE_MAX);
  put(48, 0x0001); // 32-bit access to the data register.
  put(49, 0x0f00); // LBA, DMA, IORDY, IORDY may be disabled.
  put(50, 0x4000);
  put(53, 0x0007); // Words 54–58, 64–70 and 88 are valid.
  put(54, facts.currentCylinders);
  put(55, facts.currentHeads);
  put(56, facts.currentTrackSectors);
  putLong(data, 57, facts.currentCylinders * facts.currentHeads * facts.currentTrackSectors);
  put(59, facts.multiple === 0 ? 0 : 0x0100 | facts.multiple);
  putLong(data, 60, small);
  put(63, modeWord(facts, 0x20, 0x07));
  put(64, 0x0003); // PIO modes 3 and 4.
  for (const word of [65, 66, 67, 68]) put(word, 120); // Cycle times, nanoseconds.
  put(69, 0x4020); // TRIM: deterministic, and zeros.
  put(75, Math.max(0, facts.queueDepth - 1));
  put(76, facts.position < 0 ? sataWord(facts) : 0);
  put(80, 0x01f0); // ATA/ATAPI-4 to ATA8-ACS.
  put(81, 0x0000);
  put(82, 0x4069); // NOP, look-ahead, write cache, power management, SMART.
  put(83, 0x7400); // FLUSH CACHE EXT, FLUSH CACHE, 48-bit.
  put(84, 0x4060); // General purpose logging, WRITE DMA FUA EXT.
  const features = (facts.smart ? 1 : 0) | (facts.writeCache ? 0x20 : 0);
  put(85, 0x4008 | features | (facts.lookAhead ? 0x40 : 0));
  put(86, 0x3400);
  put(87, 0x4060);
  put(88, modeWord(facts, 0x40, facts.position < 0 ? 0x7f : 0x3f));
  put(93, resetResult(facts.position));
  putLong(data, 100, facts.sectors);
  putLong(data, 102, Math.floor(facts.sectors / 2 ** 32));
  put(105, 8); // Blocks of ranges that one TRIM may bring.
  put(106, 0x4000); // 512 bytes logical and physical.
  put(169, 0x0001); // TRIM.
  put(217, facts.rotationRpm);
  put(222, facts.position < 0 ? 0x101f : 0x001f);
  putChecksum(data);
}

/** Serial ATA capabilities: 1.5 and 3 Gb/s, NCQ. */
function sataWord(facts: IdentifyFacts): number {
  return 0x0006 | (facts.queueDepth > 0 ? 0x0100 : 0);
}
