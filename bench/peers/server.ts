/**
 * What every echo server of the TCP benchmarks that is written in JavaScript has in common, on Bun
 * and on Node: it prints `{"port"}` when it is ready and answers requests on standard input, a line
 * each:
 *
 *     heap            ->  {"heapBytes", "connections"}, after full collections
 *     (end of input)  ->  the server ends
 */
import { createRequire } from "node:module";
import { hostSoon } from "../../core/clock.ts";

/** Collections until nothing that only waits to be finalized is left. */
const COLLECTIONS = 4;

interface Heap {
  collect(): void;
  bytes(): number;
}

const require = createRequire(import.meta.url);

function bunHeap(): Heap {
  const { heapStats } = require("bun:jsc") as { heapStats(): { heapSize: number } };
  return { collect: () => Bun.gc(true), bytes: () => heapStats().heapSize };
}

function nodeHeap(): Heap {
  const v8 = require("node:v8") as { setFlagsFromString(flags: string): void };
  const vm = require("node:vm") as { runInNewContext(code: string): () => void };
  v8.setFlagsFromString("--expose-gc");
  return { collect: vm.runInNewContext("gc"), bytes: () => process.memoryUsage().heapUsed };
}

/** How many connections are open, for the server's own count. */
export interface Served {
  readonly port: number;
  connections(): number;
  close(): void | Promise<void>;
}

/** Says that the server is ready and answers until the input ends. */
export function answerRequests(served: Served): void {
  const heap = process.versions["bun"] === undefined ? nodeHeap() : bunHeap();
  const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`);
  let text = "";
  process.stdin.setEncoding("utf8");
  process.stdin.on("data", async (part: string) => {
    text += part;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      text = text.slice(end + 1);
      for (let i = 0; i < COLLECTIONS; i++) {
        heap.collect();
        // What the collector found dead is finalized on later turns of the loop.
        await new Promise<void>(hostSoon);
      }
      say({ heapBytes: heap.bytes(), connections: served.connections() });
    }
  });
  process.stdin.on("end", async () => {
    await served.close();
    process.exit(0);
  });
  say({ port: served.port });
}
