/**
 * Which memory each ring request reads or fills, so that a session can take what goes out and keep
 * what comes in. A request whose memory is not known here cannot be recorded and is refused; a
 * silent gap would show only when a replay goes wrong.
 */
import { HOW, OPCODE } from "../backend/contract.ts";
import { ReelError } from "../errors.ts";
import { nameOpcode } from "./describe.ts";

/** The memory behind the addresses of requests. */
export interface TapMemory {
  /** @returns undefined when the run is not memory that requests may name */
  resolve(address: number, length: number): Uint8Array | undefined;
}

/** How a request uses the memory at its address. */
export const USE = {
  UNKNOWN: 0,
  /** No memory, or memory whose contents belong to the host: a path. */
  NONE: 1,
  /** Reads `length` bytes. */
  WRITES: 2,
  /** Fills as many bytes as its result says. */
  READS: 3,
  /** Reads a timespec of 16 bytes. */
  TIMESPEC: 4,
  /** Reads a socket address of `offset` bytes. */
  SOCKET_ADDRESS: 5,
  /** The address is a number, not memory: the offset to move from. */
  NUMBER: 6,
  /** Reads `length` bytes, then fills as many as its result says, up to `opFlags`. */
  EXCHANGE: 7,
} as const;

const TIMESPEC_BYTES = 16;
/** A sockaddr begins with its family; that of Unix-domain sockets has a path behind it. */
const FAMILY_BYTES = 2;
const AF_UNIX = 1;
/** IORING_TIMEOUT_ABS: the time is the host's own and means nothing elsewhere. */
const TIMEOUT_ABSOLUTE = 1;

const uses = new Uint8Array(256);
for (const opcode of [
  OPCODE.NOP,
  OPCODE.FSYNC,
  OPCODE.POLL_ADD,
  OPCODE.OPENAT,
  OPCODE.CLOSE,
  OPCODE.SHUTDOWN,
  OPCODE.SOCKET,
]) {
  uses[opcode] = USE.NONE;
}
for (const opcode of [OPCODE.WRITE, OPCODE.WRITE_FIXED, OPCODE.SEND, OPCODE.SEND_ZC]) {
  uses[opcode] = USE.WRITES;
}
for (const opcode of [OPCODE.READ, OPCODE.READ_FIXED, OPCODE.RECV]) uses[opcode] = USE.READS;
uses[OPCODE.TIMEOUT] = USE.TIMESPEC;
// Of a range to punch out, the address is the length.
for (const opcode of [OPCODE.SPLICE, OPCODE.TEE, OPCODE.FALLOCATE]) uses[opcode] = USE.NUMBER;
uses[OPCODE.CONNECT] = USE.SOCKET_ADDRESS;
uses[OPCODE.LOOKUP] = USE.EXCHANGE;

/**
 * How a request uses memory.
 * @throws {ReelError} ERR_UNSUPPORTED for one that sessions do not know yet
 */
export function useOf(opcode: number, address: number, how: number): number {
  // An accept that does not ask for the peer's address has no memory at all.
  const use = opcode === OPCODE.ACCEPT && address === 0 ? USE.NONE : (uses[opcode] ?? USE.UNKNOWN);
  if (use === USE.READS) return use;
  if (use === USE.UNKNOWN || (how & HOW.BUFFER_SELECT) !== 0) refuseUse(opcode, how);
  return use;
}

/** Apart from the above, which is on the way of every request and has to stay small. */
function refuseUse(opcode: number, how: number): never {
  const picks = (how & HOW.BUFFER_SELECT) !== 0;
  throw new ReelError(
    "ERR_UNSUPPORTED",
    `Cannot record ${nameOpcode(opcode)} requests${picks ? " that select a buffer" : ""}`,
    {
      mend: "Run without a recording, or use a request with plain memory such as READ or WRITE",
      details: { opcode },
    },
  );
}

const number = new Float64Array(1);
const numberBytes = new Uint8Array(number.buffer);

/**
 * What a request would write: a view of its memory, or undefined when it writes nothing.
 * @throws {RangeError} when its memory is not what requests may name
 */
export function outgoing(
  memory: TapMemory,
  use: number,
  address: number,
  length: number,
  offset: number,
  opFlags: number,
): Uint8Array | undefined {
  if (use === USE.NONE || use === USE.READS) return undefined;
  if (use === USE.NUMBER) {
    number[0] = address;
    return numberBytes;
  }
  if (use === USE.TIMESPEC) {
    if ((opFlags & TIMEOUT_ABSOLUTE) !== 0) return undefined;
    return locate(memory, address, TIMESPEC_BYTES);
  }
  if (use === USE.SOCKET_ADDRESS) return withoutPath(locate(memory, address, offset));
  return locate(memory, address, length);
}

/** The part of a socket's address that belongs to the session: a path is a fact of the host. */
export function withoutPath(address: Uint8Array): Uint8Array {
  const family = address.length >= FAMILY_BYTES ? address[0]! | (address[1]! << 8) : 0;
  return family === AF_UNIX ? address.subarray(0, FAMILY_BYTES) : address;
}

/** The memory of a request. @throws {RangeError} when requests may not name it */
export function locate(memory: TapMemory, address: number, length: number): Uint8Array {
  const bytes = memory.resolve(address, length);
  if (bytes !== undefined) return bytes;
  throw new RangeError(
    `Cannot find ${length} bytes of a ring request's memory: they are not in the pinned arena`,
  );
}

const NO_BYTES = new Uint8Array(0);

/** A session without ring requests that name memory. */
export const NO_MEMORY: TapMemory = {
  resolve: (_address, length) => (length === 0 ? NO_BYTES : undefined),
};
