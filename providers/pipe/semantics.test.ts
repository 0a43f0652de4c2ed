/** What a pipe is, on both backends: order, end of file, EPIPE, backpressure, several readers. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ms } from "../../core/clock.ts";
import { onBoth, start } from "../both.fixture.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe("pipe", () => {
  onBoth("wakes a reader that waits on an empty pipe [K8]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    const read = reader.read(64);
    await io.sleep(ms(1));
    await writer.write("hello");
    expect(text(await read)).toBe("hello");
  });

  onBoth("drains what is left and then reads 0 when the writer is closed [K8]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    await writer.write("rest");
    await writer.close();
    expect(text(await reader.read(2))).toBe("re");
    expect(text(await reader.read(64))).toBe("st");
    expect((await reader.read(64)).length).toBe(0);
    expect((await reader.read(64)).length).toBe(0);
  });

  onBoth("wakes a reader of an empty pipe when the writer closes [K8]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    const read = reader.read(64);
    await writer.close();
    expect((await read).length).toBe(0);
  });

  onBoth(
    "fails writes with EPIPE when the reader is closed, also those that wait [K9]",
    async (io) => {
      const { reader, writer } = await io.open("pipe", { capacityBytes: 4096 });
      const blocked = writer.write(new Uint8Array(10_000));
      blocked.catch(() => {});
      await io.sleep(ms(1));
      await reader.close();
      expect(await blocked.catch((error) => [error.code, error.details.bytes])).toEqual([
        "EPIPE",
        4096,
      ]);
      expect(await writer.write("x").catch((error) => error.code)).toBe("EPIPE");
    },
  );

  onBoth(
    "holds a writer back while it is full, and lets it go on as a reader takes [K8, K9]",
    async (io) => {
      const { reader, writer } = await io.open("pipe", { capacityBytes: 4096 });
      let written = false;
      const write = writer.write(new Uint8Array(4097)).then(() => (written = true));
      await io.sleep(ms(1));
      expect(written).toBe(false);
      expect((await reader.read(8192)).length).toBe(4096);
      await write;
      expect((await reader.read(8192)).length).toBe(1);
    },
  );

  onBoth("finishes two readers with a byte each, and leaves nothing waiting [K10]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    const reads = [reader.read(1), reader.read(1)];
    await writer.write("ab");
    const got = await Promise.all(reads);
    expect(got.map(text).toSorted()).toEqual(["a", "b"]);
  });

  onBoth("keeps short writes of two writers whole [K9]", async (io) => {
    const { reader, writer } = await io.open("pipe", { capacityBytes: 4096 });
    await io.run(async () => {
      const writers = ["a", "b"].map((letter) =>
        io.spawn(async () => {
          for (let i = 0; i < 20; i++) await writer.write(letter.repeat(1000));
        }),
      );
      let all = "";
      while (all.length < 40_000) all += text(await reader.read(4096));
      for (const task of writers) await task.join();
      const runs = all.match(/a+|b+/g)!;
      expect(runs.every((run) => run.length % 1000 === 0)).toBe(true);
    });
  });

  onBoth("takes memory that is not shared before the call returns [B6]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    const short = new Uint8Array([1, 2, 3]);
    const write = writer.write(short);
    short.fill(9);
    await write;
    expect([...(await reader.read(8))]).toEqual([1, 2, 3]);
  });

  onBoth("refuses a buffer of another runtime, and goes on [B4]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    const other = await start({ backend: io.backend });
    const [theirs, mine] = [other.buffer(8), io.buffer(8)];
    await writer.write("abc");
    expect(await reader.readInto(theirs).catch((error) => error.code)).toBe("ERR_BAD_HANDLE");
    expect(await reader.readInto(mine)).toBe(3);
    expect(text(mine.bytes.slice(0, 3))).toBe("abc");
    mine.dispose();
    await other.close();
  });

  onBoth("fails a read whose memory the program gave away meanwhile [B1]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    const memory = new Uint8Array(64);
    const read = reader.readInto(memory);
    structuredClone(memory, { transfer: [memory.buffer] });
    await writer.write("lost");
    expect(await read.catch((error) => error.code)).toBe("ERR_BUFFER_CHANGED");
  });

  onBoth("ends a blocked transfer when the program is interrupted [K11]", async (io) => {
    const { reader } = await io.open("pipe");
    let cleaned = 0;
    const run = io.run(async () => {
      io.spawn(async () => {
        for (;;) await io.sleep(ms(1));
      });
      await reader.read(8).finally(() => cleaned++);
    });
    run.catch(() => {});
    await Bun.sleep(1);
    io.interrupt();
    expect(await run.catch((error) => error.code)).toBe("ERR_INTERRUPTED");
    expect(cleaned).toBe(1);
    expect(io.engine.state.table.used).toBe(0);
  });

  onBoth(
    "reuses its slot and buffer only after the kernel is done with a dropped read [X9]",
    async (io) => {
      const { reader, writer } = await io.open("pipe");
      await io.run(async () => {
        const task = io.spawn(() => reader.read(4096));
        await io.yieldNow();
        await task.cancel();
        expect(io.engine.state.pool.live).toBe(0);
        await writer.write("after");
        expect(text(await reader.read(16))).toBe("after");
      });
    },
  );

  test("moves any writes to any reads, in order, on emulated [K8]", async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 9000 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 5000 }), async (writes, readBytes) => {
        const io = await start({ permute: true });
        const { reader, writer } = await io.open("pipe", { capacityBytes: 4096 });
        const sent: number[] = [];
        const got: number[] = [];
        await io.run(async () => {
          const consumer = io.spawn(async () => {
            for (;;) {
              const chunk = await reader.read(readBytes);
              if (chunk.length === 0) return;
              got.push(...chunk);
            }
          });
          for (const [i, size] of writes.entries()) {
            const bytes = new Uint8Array(size).fill(i);
            sent.push(...bytes);
            expect(await writer.write(bytes)).toBe(size);
          }
          await writer.close();
          await consumer.join();
        });
        await io.close();
        expect(got).toEqual(sent);
      }),
      { seed: 11, numRuns: 40 },
    );
  });
});
