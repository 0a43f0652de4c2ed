/**
 * Faces: the methods that providers add to a runtime (`io.listen()`), and what they are made of. A
 * face sees of the runtime what `FaceHost` says, and nothing else.
 */
import type { IoBuffer } from "../buffer/buffer.ts";
import { ReelError } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import type { FaceEnd, FaceHost } from "../provider/face.ts";
import { sleep } from "../task/sleep.ts";
import type { RuntimeCore } from "./core.ts";

type FaceOf<P> = P extends { face?(io: FaceHost): infer Face } ? Face : never;
/** All members of a union at once. */
type Together<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer I) => void
  ? I
  : never;

/** The methods that providers add to a runtime. */
export type Faces<P extends Provider> = Together<FaceOf<P>>;

class RuntimeFaceHost implements FaceHost {
  readonly #core: RuntimeCore;

  constructor(core: RuntimeCore) {
    this.#core = core;
  }

  get backend(): "uring" | "emulated" {
    return this.#core.backend.kind;
  }

  now(): number {
    return this.#core.engine.now();
  }

  async open(kind: string, options?: object, signal?: AbortSignal): Promise<FaceEnd> {
    const { handed, opening, requireOpen } = this.#core;
    requireOpen("open a provider");
    const handles = await opening.open(kind, options, signal);
    if (handles.length === 1) return handed.get(handles[0]!);
    for (const handle of handles.toReversed()) await opening.close(handle);
    throw new RangeError(`Cannot open ${kind} for a face: it has ${handles.length} ends`);
  }

  end(handle: number): FaceEnd {
    return this.#core.handed.get(handle);
  }

  buffer(sizeBytes: number): IoBuffer {
    this.#core.requireOpen("make a buffer");
    return this.#core.pool.owned(sizeBytes);
  }

  sleep(delayNs: number): Promise<void> {
    return sleep(this.#core.executor, delayNs);
  }
}

/**
 * Adds the methods of the providers' faces to a runtime.
 * @throws {ReelError} ERR_PLUGIN_INVALID when one is no function, or the runtime has its name
 */
export function addFaces(runtime: object, core: RuntimeCore, providers: readonly Provider[]): void {
  const host = new RuntimeFaceHost(core);
  for (const { face, kind } of providers) {
    if (face === undefined) continue;
    const methods = face(host) as Readonly<Record<string, unknown>>;
    for (const name of Object.keys(methods)) {
      const method = methods[name];
      if (typeof method !== "function") refuse(kind, name, "it must be a function");
      // A runtime that has `then` would be taken for a promise.
      if (name in runtime || name === "then") refuse(kind, name, "the name is taken");
      Object.defineProperty(runtime, name, { value: method.bind(methods) });
    }
  }
}

function refuse(kind: string, name: string, why: string): never {
  const text = `Cannot use provider ${kind}: it adds "${name}" to the runtime: ${why}`;
  throw new ReelError("ERR_PLUGIN_INVALID", text, {
    mend: "Give each method of a face a name of its own",
    details: { kind },
  });
}
