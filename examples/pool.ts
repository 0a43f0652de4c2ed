/**
 * A pool of four threads, each with a machine, a table and a seed of its own. Tasks go there as a
 * module, the name of a function and arguments; here the module is this very file. One thread dies
 * on the way, which costs its own tasks and nobody else's.
 *
 * Run: bun examples/pool.ts
 * Expect: 12 chunks on threads 0 1 2 3 0 1 2 3 0 1 2 3
 * Expect: sha-256 of the chunks in their order: 56192819
 * Expect: the task on thread 2 failed: ERR_WORKER_DIED
 * Expect: a task on thread 3 did not notice: 64000 bytes
 * Expect: a task on the fresh thread 2: 64000 bytes
 */
import { Runtime, isReelError, ms } from "ioreel";

/** Sends a chunk of a known pattern through a pipe of the thread's machine. */
export async function chunk(io: Runtime, number: number): Promise<Uint8Array> {
  const { reader, writer } = await io.open("pipe", { capacityBytes: 4096 });
  const writing = io.spawn(async () => {
    await writer.write(new Uint8Array(64_000).fill(number));
    await writer.close();
  });
  const parts: Uint8Array[] = [];
  for (let part = await reader.read(4096); part.length > 0; part = await reader.read(4096)) {
    parts.push(part);
    await io.sleep(ms(1));
  }
  await writing.join();
  return Uint8Array.from(Buffer.concat(parts));
}

export function die(): never {
  process.exit(1);
}

if (Bun.isMainThread) {
  await using pool = await Runtime.pool({ threads: 4, backend: "emulated", seed: 7 });

  const tasks = Array.from({ length: 12 }, (_, number) =>
    pool.run<Uint8Array>(import.meta.url, "chunk", number),
  );
  console.log(`12 chunks on threads ${tasks.map(({ thread }) => thread).join(" ")}`);
  const hash = new Bun.CryptoHasher("sha256");
  for (const task of tasks) hash.update(await task.join());
  console.log(`sha-256 of the chunks in their order: ${hash.digest("hex").slice(0, 8)}`);

  const mortal = pool.runOn(2, import.meta.url, "die");
  const other = pool.runOn<Uint8Array>(3, import.meta.url, "chunk", 3);
  const error = await mortal.join().catch((thrown: unknown) => thrown);
  console.log(`the task on thread 2 failed: ${isReelError(error) ? error.code : String(error)}`);
  console.log(`a task on thread 3 did not notice: ${(await other.join()).length} bytes`);
  const fresh = pool.runOn<Uint8Array>(2, import.meta.url, "chunk", 2);
  console.log(`a task on the fresh thread 2: ${(await fresh.join()).length} bytes`);
}
