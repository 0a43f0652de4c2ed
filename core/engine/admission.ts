/** Who may start what: the checks that every way of starting an operation shares. */
import { END_CLOSING } from "../descriptor/ends.ts";
import { ReelError } from "../errors.ts";
import type { Engine } from "./engine.ts";

/** The end of a handle, on which something may start. @throws {ReelError} */
export function requireOpenEnd(engine: Engine, handle: number, action: string): number {
  const { ends } = engine.state;
  const end = ends.require(handle, action);
  if (ends.state(end) === END_CLOSING) {
    throw new ReelError("ERR_CLOSING", `Cannot ${action} handle ${handle}: it is being closed`, {
      mend: "Start operations before closing",
      details: { handle },
    });
  }
  return end;
}

/**
 * The number of an operation, if it may be started on this end.
 * @throws {ReelError} ERR_UNSUPPORTED when the provider has no such operation; EPERM when it is
 *   another end's
 */
export function requireOperation(engine: Engine, end: number, name: string): number {
  const { ends, providers } = engine.state;
  const { provider } = providers[ends.provider(end)]!;
  const number = provider.operationNames.indexOf(name);
  if (number === -1) {
    throw new ReelError(
      "ERR_UNSUPPORTED",
      `Cannot ${name}: provider ${provider.kind} has no ${name}`,
      {
        mend: `Use one of: ${provider.operationNames.join(", ")}`,
      },
    );
  }
  const endName = provider.endNames[ends.kind(end)]!;
  if (!provider.ends[endName]!.operations.includes(name)) {
    const right = provider.endNames.find((each) => provider.ends[each]!.operations.includes(name));
    throw new ReelError("EPERM", `Cannot ${name} on the ${endName} of a ${provider.kind}`, {
      mend: right === undefined ? "Use another operation" : `Use its ${right}`,
    });
  }
  return number;
}

/** @throws {ReelError} ERR_UNSUPPORTED when an operation cannot do without its buffer */
export function requireUnbuffered(engine: Engine, end: number, number: number): void {
  const { ends, providers } = engine.state;
  const { provider, unbuffered } = providers[ends.provider(end)]!;
  if (unbuffered[number] === 1) return;
  const name = provider.operationNames[number] ?? String(number);
  throw new ReelError(
    "ERR_UNSUPPORTED",
    `Cannot ${name} without a buffer: that of ${provider.kind} needs one`,
    { mend: "Use read(), or readInto() with a buffer" },
  );
}
