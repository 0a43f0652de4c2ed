/**
 * Reads packet captures: classic pcap of both byte orders and both resolutions
 * (draft-ietf-opsawg-pcap), and pcapng with its usual blocks (draft-ietf-opsawg-pcapng). Every
 * length is checked before it is used; nothing is copied.
 */
import { NS_PER_SECOND } from "../../core/clock.ts";
import { refuseImport } from "./mistake.ts";

export const CAPTURE_BYTES_MAX = 256 << 20;
const PACKETS_MAX = 1_000_000;
const INTERFACES_MAX = 256;

export interface CapturedPacket {
  /** From 1, as Wireshark counts. */
  readonly number: number;
  /** Since 1970; good for differences of a microsecond. */
  readonly timeNs: number;
  readonly linkType: number;
  readonly bytes: Uint8Array;
}

const MAGIC_US = 0xa1b2c3d4;
const MAGIC_NS = 0xa1b23c4d;
const BLOCK_SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const BLOCK_INTERFACE = 1;
const BLOCK_SIMPLE_PACKET = 3;
const BLOCK_PACKET = 6;
const OPTION_RESOLUTION = 9;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const BLOCK_BYTES_MIN = 12;

/**
 * The packets of a capture, in its order.
 * @param path what it is called in errors
 * @throws {ReelError} ERR_USAGE, with the packet's number, when it is none or is damaged there
 */
export function* readCapture(path: string, bytes: Uint8Array): Generator<CapturedPacket> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  const swapped = bytes.length >= 4 ? view.getUint32(0, false) : 0;
  if (magic === BLOCK_SECTION) {
    yield* new NextGeneration(path, bytes, view).packets();
  } else if ([magic, swapped].some((word) => word === MAGIC_US || word === MAGIC_NS)) {
    yield* classic(path, bytes, view, magic === MAGIC_US || magic === MAGIC_NS);
  } else {
    const mend = "Give a pcap or pcapng file, as tcpdump -w and Wireshark write them";
    refuseImport(path, "", "it is no packet capture", mend);
  }
}

function damaged(path: string, number: number, found: string): never {
  const mend = "Give a whole capture; editcap -r FILE OUT 1-N keeps the packets before";
  return refuseImport(path, `packet ${number}`, found, mend);
}

function* classic(
  path: string,
  bytes: Uint8Array,
  view: DataView,
  little: boolean,
): Generator<CapturedPacket> {
  if (bytes.length < FILE_HEADER_BYTES) damaged(path, 1, "the file ends in its header");
  const tickNs = view.getUint32(0, little) === MAGIC_NS ? 1 : 1000;
  // The upper bits say how long the checksum of each frame is.
  const linkType = view.getUint32(20, little) & 0xffff;
  let at = FILE_HEADER_BYTES;
  for (let number = 1; at < bytes.length; number++) {
    if (number > PACKETS_MAX) damaged(path, number, `found more than ${PACKETS_MAX} packets`);
    if (at + RECORD_HEADER_BYTES > bytes.length)
      damaged(path, number, "the file ends in its header");
    const seconds = view.getUint32(at, little);
    const ticks = view.getUint32(at + 4, little);
    const length = view.getUint32(at + 8, little);
    at += RECORD_HEADER_BYTES;
    if (length > bytes.length - at) {
      damaged(path, number, `found ${length} bytes, and the file ends after ${bytes.length - at}`);
    }
    const timeNs = seconds * NS_PER_SECOND + ticks * tickNs;
    yield { number, timeNs, linkType, bytes: bytes.subarray(at, at + length) };
    at += length;
  }
}

interface Interface {
  readonly linkType: number;
  readonly tickNs: number;
}

/** A pcapng file: blocks, in sections that each have their own byte order and interfaces. */
class NextGeneration {
  readonly #path: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #interfaces: Interface[] = [];
  #little = true;
  #number = 1;

  constructor(path: string, bytes: Uint8Array, view: DataView) {
    this.#path = path;
    this.#bytes = bytes;
    this.#view = view;
  }

  *packets(): Generator<CapturedPacket> {
    const view = this.#view;
    for (let at = 0; at < this.#bytes.length;) {
      const left = this.#bytes.length - at;
      if (left < BLOCK_BYTES_MIN) this.#damaged("the file ends in a block");
      if (view.getUint32(at, true) === BLOCK_SECTION) this.#section(at);
      const type = view.getUint32(at, this.#little);
      const length = view.getUint32(at + 4, this.#little);
      if (length < BLOCK_BYTES_MIN || length % 4 !== 0 || length > left) {
        this.#damaged(`found a block of ${length} bytes, with ${left} left`);
      }
      // Type and length before a block's body, the length again behind it.
      const [body, end] = [at + 8, at + length - 4];
      if (type === BLOCK_INTERFACE) this.#interface(body, end);
      else if (type === BLOCK_PACKET) yield this.#packet(body, end);
      else if (type === BLOCK_SIMPLE_PACKET) yield this.#simplePacket(body, end);
      at += length;
    }
  }

  #section(at: number): void {
    const little = this.#view.getUint32(at + 8, true) === BYTE_ORDER;
    if (!little && this.#view.getUint32(at + 8, false) !== BYTE_ORDER) {
      this.#damaged("found a section of no byte order");
    }
    this.#little = little;
    this.#interfaces = [];
  }

  #interface(body: number, end: number): void {
    if (end - body < 8) this.#damaged("found an interface without its fields");
    if (this.#interfaces.length === INTERFACES_MAX) this.#damaged("found too many interfaces");
    const linkType = this.#view.getUint16(body, this.#little);
    this.#interfaces.push({ linkType, tickNs: this.#tickNs(body + 8, end) });
  }

  /** The resolution among the options of an interface: a power of ten, or of two. */
  #tickNs(body: number, end: number): number {
    for (let at = body; at + 4 <= end;) {
      const option = this.#view.getUint16(at, this.#little);
      const length = this.#view.getUint16(at + 2, this.#little);
      if (option === 0 || at + 4 + length > end) break;
      if (option === OPTION_RESOLUTION && length === 1) {
        const value = this.#bytes[at + 4]!;
        const perSecond = (value & 0x80) === 0 ? 10 ** value : 2 ** (value & 0x7f);
        return NS_PER_SECOND / perSecond;
      }
      at += 4 + length + ((4 - (length % 4)) % 4);
    }
    return 1000;
  }

  #packet(body: number, end: number): CapturedPacket {
    if (end - body < 20) this.#damaged("it has no header");
    const found = this.#interfaces[this.#view.getUint32(body, this.#little)];
    if (found === undefined) this.#damaged("it is of an interface that is not described");
    const high = this.#view.getUint32(body + 4, this.#little);
    const low = this.#view.getUint32(body + 8, this.#little);
    const length = this.#view.getUint32(body + 12, this.#little);
    const timeNs = (high * 2 ** 32 + low) * found.tickNs;
    return this.#made(found.linkType, timeNs, body + 20, length, end);
  }

  #simplePacket(body: number, end: number): CapturedPacket {
    const found = this.#interfaces[0];
    if (found === undefined || end - body < 4) this.#damaged("it is of no interface");
    const length = Math.min(this.#view.getUint32(body, this.#little), end - body - 4);
    return this.#made(found.linkType, 0, body + 4, length, end);
  }

  #made(linkType: number, timeNs: number, at: number, length: number, end: number): CapturedPacket {
    if (length > end - at) this.#damaged(`found ${length} bytes in a block with ${end - at}`);
    if (this.#number > PACKETS_MAX) this.#damaged(`found more than ${PACKETS_MAX} packets`);
    const number = this.#number++;
    return { number, timeNs, linkType, bytes: this.#bytes.subarray(at, at + length) };
  }

  #damaged(found: string): never {
    return damaged(this.#path, this.#number, found);
  }
}
