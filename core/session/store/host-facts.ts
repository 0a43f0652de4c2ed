/** What made the recording: versions and machine, for people who look at one later. */
import { arch, release } from "node:os";
import manifest from "../../../package.json" with { type: "json" };

export interface HostFacts {
  readonly ioreel: string;
  readonly bun: string;
  readonly kernel: string;
  readonly arch: string;
}

export function hostFacts(): HostFacts {
  return { ioreel: manifest.version, bun: Bun.version, kernel: release(), arch: arch() };
}
