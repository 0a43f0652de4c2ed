/**
 * The ends that the program holds, each as one object for as long as it is open: whether opening
 * gave it, an operation's result named it, or a snapshot brought it.
 */
import type { RuntimeCore } from "./core.ts";
import { OpenEnd } from "./open-end.ts";
import type { NamedOperation } from "./operation.ts";

export class HandedEnds {
  readonly #core: RuntimeCore;
  readonly #ends = new Map<number, OpenEnd>();
  /** Operations that were looked up, by provider and end. */
  readonly #operations = new Map<string, Map<string, NamedOperation>>();

  constructor(core: RuntimeCore) {
    this.#core = core;
  }

  /** The end of a handle. @throws {ReelError} ERR_CLOSED, ERR_BAD_HANDLE */
  get(handle: number): OpenEnd {
    const index = this.#core.engine.state.ends.require(handle, "use");
    const known = this.#ends.get(index);
    if (known?.handle === handle) return known;
    const end = new OpenEnd(this.#core, handle);
    this.#ends.set(index, end);
    return end;
  }

  /** The end of this index is closed. */
  forget(index: number): void {
    this.#ends.delete(index);
  }

  /** The operations that all ends of this name share. */
  operationsOf(kind: string, name: string): Map<string, NamedOperation> {
    const key = `${kind} ${name}`;
    let operations = this.#operations.get(key);
    if (operations === undefined) this.#operations.set(key, (operations = new Map()));
    return operations;
  }
}
