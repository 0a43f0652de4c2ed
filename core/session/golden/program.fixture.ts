/**
 * The program of the golden recordings `program-*.reel`. It never changes: recordings of every
 * released format replay against it.
 */

interface Ends {
  reader: { read(sizeBytes: number): Promise<Uint8Array>; close(): Promise<void> };
  writer: { write(text: string): Promise<number>; close(): Promise<void> };
}
interface Timer {
  read(sizeBytes: number, options: { offset: number }): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What of a runtime the program uses: the same in every release. */
export interface GoldenRuntime {
  run<T>(body: () => Promise<T>): Promise<T>;
  open(kind: "pipe", config: { capacityBytes: number }): Promise<Ends>;
  open(kind: "timer"): Promise<Timer>;
  spawn<T>(body: () => Promise<T>): { join(): Promise<T> };
}

/** Writes lines into a pipe, pausing in between, while a task of its own reads them. */
export function goldenProgram(io: GoldenRuntime): Promise<string> {
  return io.run(async () => {
    const { reader, writer } = await io.open("pipe", { capacityBytes: 4096 });
    const timer = await io.open("timer");
    const reading = io.spawn(async () => {
      let text = "";
      for (;;) {
        const part = await reader.read(64);
        if (part.length === 0) break;
        text += new TextDecoder().decode(part);
      }
      await reader.close();
      return text;
    });
    for (let line = 0; line < 20; line++) {
      await writer.write(`line ${line}\n`);
      if (line % 5 === 0) await timer.read(8, { offset: 100_000 });
    }
    await writer.close();
    await timer.close();
    return reading.join();
  });
}
