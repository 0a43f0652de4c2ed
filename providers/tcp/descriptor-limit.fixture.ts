/**
 * A server in a process that may have few descriptors: it greets whoever it accepts, waits for the
 * end, and says at the end how many it served in all and how many at most at once.
 */
import { startRuntime } from "../../core/runtime/start.ts";
import { tcp } from "./provider.ts";

const wanted = Number(process.argv[2]);
const io = await startRuntime({ backend: "uring", providers: [tcp] });
let now = 0;
let most = 0;
await io.run(async () => {
  const listener = await io.listen({ backlog: 1024 });
  process.stdout.write(`${listener.port}\n`);
  const serving = [];
  while (serving.length < wanted) {
    const connection = await listener.accept();
    most = Math.max(most, ++now);
    const served = io.spawn(async () => {
      await connection.write("hello");
      await connection.read();
      await connection.close();
      now--;
    });
    serving.push(served);
  }
  for (const served of serving) await served.join();
  await listener.close();
});
await io.close();
process.stdout.write(`${JSON.stringify({ most })}\n`);
