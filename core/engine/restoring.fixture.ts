/** Engines to restore into, and how they refuse. */
import { expect } from "bun:test";
import { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { Machine } from "../backend/emulated/machine.ts";
import { isReelError } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import { TestEngine } from "./engine.fixture.ts";
import { restoreEngine, snapshotEngine } from "./snapshot.ts";

/** An engine with nothing open. */
export function unused(providers: readonly Provider[], limits = {}): TestEngine<EmulatedBackend> {
  const backend = new EmulatedBackend(new Machine({ seed: 7 }));
  return new TestEngine(backend, providers, limits, false);
}

/** Restores. @returns the code with which it was refused, or undefined */
export function refusal(t: TestEngine<EmulatedBackend>, bytes: Uint8Array): string | undefined {
  const before = snapshotEngine(t.engine.state).toHex();
  try {
    restoreEngine(t.engine.state, bytes);
    return undefined;
  } catch (error) {
    if (!isReelError(error)) throw error;
    expect(snapshotEngine(t.engine.state).toHex()).toBe(before);
    expect([t.engine.state.table.used, t.pool.live, t.engine.state.ends.used]).toEqual([0, 0, 0]);
    return error.code;
  }
}
