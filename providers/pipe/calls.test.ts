/** The four calls on a real pipe: start, wait, cancel, release, as the notes have them. */
import { describe, expect } from "bun:test";
import { ms } from "../../core/clock.ts";
import { onBoth } from "../both.fixture.ts";

const bytes = (count: number, value = 1): Uint8Array => new Uint8Array(count).fill(value);

describe("asyncStart()", () => {
  onBoth("returns once queued, with the buffer frozen, not once done [A2.3]", async (io) => {
    const { reader } = await io.open("pipe");
    const buffer = io.buffer(16);
    const operation = await io.calls.asyncStart(reader.handle, 0, true, buffer);
    expect(io.calls.asyncOutcome(operation).done).toBe(false);
    expect(buffer.isBorrowed).toBe(true);
    io.calls.asyncCancel(operation);
    await io.calls.asyncWait([operation], [false]);
    io.calls.asyncRelease(operation);
    buffer.dispose();
  });

  onBoth("refuses a bad handle, the wrong end and memory that is lent [A2.3, K9]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    const buffer = io.buffer(16);
    const start = (handle: number, isRead: boolean): Promise<unknown> =>
      io.calls.asyncStart(handle, 0, isRead, buffer).catch((error) => error.code);
    expect(await start(5, true)).toBe("ERR_BAD_HANDLE");
    expect(await start(Number.NaN, true)).toBe("ERR_BAD_HANDLE");
    expect(await start(reader.handle, false)).toBe("EPERM");
    expect(await start(writer.handle, true)).toBe("EPERM");
    const first = await io.calls.asyncStart(reader.handle, 0, true, buffer);
    expect(await start(reader.handle, true)).toBe("ERR_BUFFER_BORROWED");
    io.calls.asyncCancel(first);
    await io.calls.asyncWait([first], [false]);
    io.calls.asyncRelease(first);
    buffer.dispose();
  });
});

describe("asyncWait()", () => {
  onBoth("resolves when one of several is terminal and says which [A2.4, A2.9]", async (io) => {
    const one = await io.open("pipe");
    const two = await io.open("pipe");
    const first = await io.calls.asyncStart(one.reader.handle, 0, true, bytes(8));
    const second = await io.calls.asyncStart(two.reader.handle, 0, true, bytes(8));
    await two.writer.write("hi");
    const statuses = [true, false];
    expect(await io.calls.asyncWait([first, second], statuses)).toBe(1);
    expect(statuses).toEqual([false, true]);
    expect(await io.calls.asyncWait([first, second], statuses)).toBe(1);
    expect(io.calls.asyncRelease(second)).toBe(2);
    await one.writer.close();
    expect(await io.calls.asyncWait([first], statuses)).toBe(1);
    expect(io.calls.asyncRelease(first)).toBe(0);
  });

  onBoth("rejects no handles, short statuses and stale handles [A2.4, M0.2]", async (io) => {
    const { reader } = await io.open("pipe");
    const operation = await io.calls.asyncStart(reader.handle, 0, true, bytes(8));
    const code = (error: { name: string; code?: string }): string => error.code ?? error.name;
    expect(await io.calls.asyncWait([], []).catch(code)).toBe("RangeError");
    expect(await io.calls.asyncWait([operation], []).catch(code)).toBe("RangeError");
    io.calls.asyncCancel(operation);
    await io.calls.asyncWait([operation], [false]);
    io.calls.asyncRelease(operation);
    expect(await io.calls.asyncWait([operation], [false]).catch(code)).toBe("ERR_BAD_HANDLE");
  });

  onBoth(
    "only looks with 0, and gives up after so long, consuming nothing [M0.1, M0.2]",
    async (io) => {
      const { reader, writer } = await io.open("pipe");
      const operation = await io.calls.asyncStart(reader.handle, 0, true, bytes(8));
      const statuses = [true];
      expect(await io.calls.asyncWait([operation], statuses, 0)).toBe(0);
      expect(statuses).toEqual([false]);
      const begun = io.now();
      expect(await io.calls.asyncWait([operation], statuses, ms(2))).toBe(0);
      expect(io.now() - begun).toBeGreaterThanOrEqual(ms(2));
      await writer.write("data");
      await io.calls.asyncWait([operation], statuses);
      // Readiness, many times over; the data are taken by the release that follows.
      for (let i = 0; i < 3; i++)
        expect(await io.calls.asyncWait([operation], statuses, 0)).toBe(1);
      expect(io.calls.asyncRelease(operation)).toBe(4);
    },
  );

  onBoth("lets two tasks wait for the same operation, and both go on [A2.8]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    await io.run(async () => {
      const operation = await io.calls.asyncStart(reader.handle, 0, true, bytes(8));
      const waits = [0, 1].map(() => io.spawn(() => io.calls.asyncWait([operation], [false])));
      await io.yieldNow();
      await writer.write("x");
      for (const wait of waits) expect(await wait.join()).toBe(1);
      expect(io.calls.asyncRelease(operation)).toBe(1);
    });
  });

  onBoth(
    "blocks the thread in its blocking form, and says deadlock when it would for ever [A2.4]",
    async (io) => {
      const { reader, writer } = await io.open("pipe");
      const buffer = io.buffer(8);
      const operation = io.calls.startBlocking(reader.handle, 0, true, buffer);
      const sent = io.calls.startBlocking(writer.handle, 0, false, bytes(3));
      const statuses = [false, false];
      while (io.calls.waitBlocking([operation, sent], statuses) < 2);
      expect(statuses).toEqual([true, true]);
      expect([io.calls.asyncRelease(operation), io.calls.asyncRelease(sent)]).toEqual([3, 3]);
      expect([...buffer.bytes]).toEqual([1, 1, 1, 0, 0, 0, 0, 0]);
      buffer.dispose();
    },
  );
});

describe("asyncRelease()", () => {
  onBoth("returns the bytes of the operation's lifetime, over its rounds [A2.6]", async (io) => {
    const { reader, writer } = await io.open("pipe", { capacityBytes: 4096 });
    await io.run(async () => {
      const drain = io.spawn(async () => {
        let total = 0;
        while (total < 10_000) total += (await reader.read(700)).length;
      });
      const operation = await io.calls.asyncStart(writer.handle, 0, false, bytes(10_000));
      await io.calls.asyncWait([operation], [false]);
      expect(io.calls.asyncRelease(operation)).toBe(10_000);
      await drain.join();
    });
  });

  onBoth("counts what a cancelled operation had moved before [A2.5, A2.6]", async (io) => {
    const { writer } = await io.open("pipe", { capacityBytes: 4096 });
    const operation = await io.calls.asyncStart(writer.handle, 0, false, bytes(10_000));
    await io.sleep(ms(1));
    io.calls.asyncCancel(operation);
    await io.calls.asyncWait([operation], [false]);
    expect(io.calls.asyncOutcome(operation)).toEqual({
      done: true,
      code: "ECANCELED",
      bytes: 4096,
    });
    expect(io.calls.asyncRelease(operation)).toBe(4096);
  });

  onBoth("tells a stale handle from its slot's next operation [A2.6]", async (io) => {
    const { reader, writer } = await io.open("pipe");
    await writer.write("ab");
    const first = await io.calls.asyncStart(reader.handle, 0, true, bytes(1));
    await io.calls.asyncWait([first], [false]);
    io.calls.asyncRelease(first);
    const second = await io.calls.asyncStart(reader.handle, 0, true, bytes(1));
    expect(second % 65536).toBe(first % 65536);
    expect(() => io.calls.asyncRelease(first)).toThrow("no such operation");
    await io.calls.asyncWait([second], [false]);
    expect(io.calls.asyncRelease(second)).toBe(1);
  });
});
