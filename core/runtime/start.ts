/** Starts a runtime: chooses the backend, makes the machine or the ring, and opens the session. */
import { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { Machine } from "../backend/emulated/machine.ts";
import { UringBackend } from "../backend/uring/uring-backend.ts";
import { BufferPool } from "../buffer/pool.ts";
import type { Provider } from "../provider/define.ts";
import { hostSeed } from "../random.ts";
import { RAM_BYTES_DEFAULT, type RuntimeOptions } from "./options.ts";
import { Runtime } from "./runtime.ts";

export async function startRuntime<const P extends readonly Provider[]>(
  options: RuntimeOptions<P>,
): Promise<Runtime<P[number]>> {
  const seed = options.seed ?? hostSeed();
  let backend; let pool;
  if (options.backend === "uring") {
    const u = await UringBackend.open({ slots: options.limits?.table?.slots ?? 1024 });
    backend = u; pool = new BufferPool((b) => u.pinMemory(b), options.arenaBytes);
  } else {
  const machine = new Machine({
    seed,
    clock: options.clock ?? "virtual",
    ramBytes: options.ramBytes ?? RAM_BYTES_DEFAULT,
  });
  backend = new EmulatedBackend(machine);
  pool = new BufferPool(() => 0, options.arenaBytes);
  }
  const parts = {
    backend: backend as never,
    seed,
    permute: options.permute ?? false,
    limits: options.limits,
    providers: options.providers ?? [],
    tap: undefined,
    finish() {},
  };
  return new Runtime<P[number]>(parts, pool);
}
export const startBlockingRuntime: any = undefined;
