/**
 * Reads of a file with Bun's own node:fs. Argument: see disk-file.ts; form `promise` for the
 * FileHandles of node:fs/promises, `callback` for fs.read, `sync` for fs.readSync.
 */
import fs from "node:fs";
import { open as openHandle } from "node:fs/promises";
import { timed, type Subject, type Timed } from "../subject.ts";
import { Positions, openReading, removeFile, type Reading } from "./disk-file.ts";

function check(found: number, reading: Reading): void {
  if (found === reading.blockBytes) return;
  throw new Error(`A read failed: found ${found} bytes, wanted ${reading.blockBytes}`);
}

function buffersOf({ blockBytes, depth }: Reading): Buffer[] {
  return Array.from({ length: depth }, () => Buffer.from(new ArrayBuffer(blockBytes)));
}

async function promiseForm(reading: Reading): Promise<Timed> {
  const handle = await openHandle(reading.path, "r");
  const positions = new Positions(reading);
  const buffers = buffersOf(reading);
  return {
    batch: reading.depth,
    async run(operations) {
      let left = operations;
      const reader = async (buffer: Buffer): Promise<void> => {
        while (left-- > 0) {
          const at = positions.next();
          check((await handle.read(buffer, 0, buffer.length, at)).bytesRead, reading);
        }
      };
      await Promise.all(buffers.map(reader));
    },
    close: () => handle.close(),
  };
}

function callbackForm(reading: Reading): Timed {
  const fd = fs.openSync(reading.path, "r");
  const positions = new Positions(reading);
  const buffers = buffersOf(reading);
  return {
    batch: reading.depth,
    run: (operations) =>
      new Promise((resolve, reject) => {
        let left = operations;
        let over = 0;
        const next = (buffer: Buffer): void => {
          if (left === 0) return;
          left--;
          fs.read(fd, buffer, 0, buffer.length, positions.next(), (error, count) => {
            if (error !== null && error !== undefined) return reject(error);
            check(count, reading);
            if (++over === operations) resolve();
            else next(buffer);
          });
        };
        for (const buffer of buffers) next(buffer);
      }),
    close: () => fs.closeSync(fd),
  };
}

function syncForm(reading: Reading): Timed {
  const fd = fs.openSync(reading.path, "r");
  const positions = new Positions(reading);
  const [buffer] = buffersOf(reading) as [Buffer];
  return {
    batch: reading.depth,
    run(operations) {
      for (let i = 0; i < operations; i++) {
        check(fs.readSync(fd, buffer, 0, buffer.length, positions.next()), reading);
      }
    },
    close: () => fs.closeSync(fd),
  };
}

const FORMS = { promise: promiseForm, callback: callbackForm, sync: syncForm };

export default async function open(argument: string): Promise<Subject> {
  const reading = openReading(argument);
  const work = await FORMS[reading.form as keyof typeof FORMS](reading);
  const close = async (): Promise<void> => {
    await work.close();
    removeFile(reading);
  };
  // The threads that do the reading are its own: waiting for a processor counts for them.
  return timed({ ...work, close }, { steps: false, countsWaiting: reading.form !== "sync" });
}
