/** What the numbers of a run are true of: the machine, its kernel, its Bun, and how busy it was. */
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";

export interface MachineFacts {
  cpu: string;
  cores: number;
  memoryMiB: number;
  platform: string;
  arch: string;
  kernel: string;
  bun: string;
  /** Load average of the last minute, before and after the run: above 1, others were working. */
  load: [before: number, after: number];
}

const load = (): number => Math.round(loadavg()[0]! * 100) / 100;

/** Reads the facts. Call it before the run, and {@link withLoadAfter} after it. */
export function readMachine(): MachineFacts {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? "unknown",
    cores: processors.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    platform: platform(),
    arch: arch(),
    kernel: release(),
    bun: Bun.version,
    load: [load(), load()],
  };
}

export function withLoadAfter(facts: MachineFacts): MachineFacts {
  return { ...facts, load: [facts.load[0], load()] };
}
