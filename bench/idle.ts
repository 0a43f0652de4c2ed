/**
 * What connections cost that do nothing: the server's JavaScript heap with so many of them, less
 * its heap without, after full collections. Each has echoed one message, so that it is known to be
 * open on the server's side too, and is as it is between two requests.
 */
import { hostAfter, hostMonotonicNs, NS_PER_SECOND } from "../core/clock.ts";
import { Pair } from "./load.ts";
import type { Sampler, Unavailable } from "./samplers.ts";
import type { Sample } from "./subject.ts";
import type { IdlePlan } from "./topic.ts";

interface Heap {
  heapBytes: number;
  connections: number;
}

/** How long a server may take to notice that its connections were opened or closed. */
const PATIENCE_NS = 20 * NS_PER_SECOND;
const PAUSE_MS = 20;

/** The heap with so many connections, once there are so many. */
async function heapWith(name: string, pair: Pair, connections: number): Promise<Heap> {
  const start = hostMonotonicNs();
  for (;;) {
    const heap = await pair.server.ask<Heap>("heap");
    if (heap.connections === connections) return heap;
    if (hostMonotonicNs() - start > PATIENCE_NS) {
      const found = `${heap.connections} connections, wanted ${connections}`;
      throw new Error(`Cannot measure ${name}: its server has ${found}`);
    }
    await new Promise<void>((resolve) => void hostAfter(PAUSE_MS, resolve));
  }
}

async function sampleOf(name: string, pair: Pair, connections: number): Promise<Sample> {
  const before = await heapWith(name, pair, 0);
  await pair.client.ask(`open ${connections}`);
  const after = await heapWith(name, pair, connections);
  await pair.client.ask("close");
  return { value: (after.heapBytes - before.heapBytes) / connections, waited: 0 };
}

/** Opens a server whose samples are bytes of heap for each idle connection. */
export async function openIdle(name: string, plan: IdlePlan): Promise<Sampler | Unavailable> {
  const { connections, rounds } = plan;
  const pair = await Pair.open(name, { ...plan, from: "load", open: connections });
  if (typeof pair === "string") return { name, unavailable: pair };
  const { builtWith } = pair;
  try {
    // The first time compiles code and grows tables that stay.
    await sampleOf(name, pair, connections);
  } catch (error) {
    pair.kill();
    throw error;
  }
  return {
    name,
    unit: plan.unit,
    operations: undefined,
    rounds,
    ...(builtWith === undefined ? {} : { builtWith }),
    sample: () => sampleOf(name, pair, connections),
    distribution: async () => undefined,
    close: () => pair.close(),
    kill: () => pair.kill(),
  };
}
