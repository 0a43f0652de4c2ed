/** The NCQ command error log, READ LOG EXT page 10h ([ACS-3] 9.13). */

export interface ErrorLog {
  /** False when no queued command has failed since it was read. */
  filled: boolean;
  tag: number;
  status: number;
  error: number;
  lba: number;
  count: number;
  device: number;
}

export const NO_ERROR_LOG: ErrorLog = {
  filled: false,
  tag: 0,
  status: 0,
  error: 0,
  lba: 0,
  count: 0,
  device: 0,
};

/** Byte 0 bit 7, NQ: the error was of no queued command. */
const NOT_QUEUED = 0x80;

export function fillErrorLog(data: Uint8Array, log: ErrorLog): void {
  const lba = (index: number): number => Math.floor(log.lba / 256 ** index) & 0xff;
  data[0] = log.filled ? log.tag & 31 : NOT_QUEUED;
  data[2] = log.status;
  data[3] = log.error;
  data.set([lba(0), lba(1), lba(2), log.device], 4);
  data.set([lba(3), lba(4), lba(5)], 8);
  data[12] = log.count & 0xff;
  data[13] = (log.count >>> 8) & 0xff;
  let sum = 0;
  for (let i = 0; i < 511; i++) sum += data[i]!;
  data[511] = -sum & 0xff;
}
