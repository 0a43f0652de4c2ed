/**
 * 64 KiB transfers through a pipe of the same kind with Bun's own node:fs, as fast as its
 * asynchronous forms get. Argument: `callback` for fs.read and fs.write over the descriptors,
 * `promise` for the FileHandles of node:fs/promises.
 */
import { dlopen, ptr } from "bun:ffi";
import fs from "node:fs";
import { open as openHandle } from "node:fs/promises";
import { timed, type Subject } from "../subject.ts";

const TRANSFER_BYTES = 65536;
const O_CLOEXEC = 0o2000000;

type Move = (transfers: number) => Promise<void>;

/** pipe2(2): the default capacity is 64 KiB, as on the other side. */
function makePipe(): [reader: number, writer: number] {
  const { symbols, close } = dlopen("libc.so.6", {
    pipe2: { args: ["ptr", "i32"], returns: "i32" },
  });
  const ends = new Int32Array(new ArrayBuffer(8));
  const result = symbols.pipe2(ptr(ends), O_CLOEXEC);
  close();
  if (result !== 0) throw new Error(`Cannot make a pipe: pipe2 returned ${result}`);
  return [ends[0]!, ends[1]!];
}

/** Calls back into itself until everything is moved; a transfer in part is gone on with. */
function callbackForm(reader: number, writer: number): { send: Move; receive: Move } {
  const source = Buffer.alloc(TRANSFER_BYTES, 0x5a);
  const target = Buffer.alloc(TRANSFER_BYTES);
  const move =
    (step: (left: number, done: (error: Error | null, count: number) => void) => void): Move =>
    (transfers) =>
      new Promise((resolve, reject) => {
        let left = transfers * TRANSFER_BYTES;
        const done = (error: Error | null, count: number): void => {
          if (error !== null && error !== undefined) return reject(error);
          left -= count;
          if (left === 0) resolve();
          else step(left, done);
        };
        step(left, done);
      });
  return {
    send: move((left, done) => {
      const length = left % TRANSFER_BYTES || TRANSFER_BYTES;
      fs.write(writer, source, TRANSFER_BYTES - length, length, null, done);
    }),
    receive: move((_left, done) => fs.read(reader, target, 0, TRANSFER_BYTES, null, done)),
  };
}

async function promiseForm(
  reader: number,
  writer: number,
): Promise<{ send: Move; receive: Move; close: () => Promise<void> }> {
  const from = await openHandle(`/proc/self/fd/${reader}`, "r");
  const to = await openHandle(`/proc/self/fd/${writer}`, "w");
  const source = Buffer.alloc(TRANSFER_BYTES, 0x5a);
  const target = Buffer.alloc(TRANSFER_BYTES);
  return {
    async send(transfers) {
      for (let left = transfers * TRANSFER_BYTES; left > 0;) {
        const length = left % TRANSFER_BYTES || TRANSFER_BYTES;
        left -= (await to.write(source, TRANSFER_BYTES - length, length, null)).bytesWritten;
      }
    },
    async receive(transfers) {
      for (let left = transfers * TRANSFER_BYTES; left > 0;) {
        left -= (await from.read(target, 0, TRANSFER_BYTES, null)).bytesRead;
      }
    },
    async close() {
      await from.close();
      await to.close();
    },
  };
}

export default async function open(form: string): Promise<Subject> {
  const [reader, writer] = makePipe();
  const handles = form === "promise" ? await promiseForm(reader, writer) : undefined;
  const { send, receive } = handles ?? callbackForm(reader, writer);
  const work = {
    batch: 1,
    async run(operations: number) {
      await Promise.all([send(operations), receive(operations)]);
    },
    async close() {
      await handles?.close();
      fs.closeSync(reader);
      fs.closeSync(writer);
    },
  };
  return timed(work, { countsWaiting: true });
}
