/**
 * TypeScript scenarios: loads the module, and says where in it something went wrong. The module is
 * the user's own program and runs with all of the user's rights; only what it exports is checked.
 */
import { pathToFileURL } from "node:url";
import { hostAfter } from "../../core/clock.ts";
import { isReelError } from "../../core/errors.ts";
import { EXIT } from "../exit-codes.ts";
import { note } from "../output.ts";
import { fileError } from "./source-text.ts";
import { codeFrame } from "./frame.ts";
import { show } from "./issue.ts";
import type { TextPlace } from "./yaml-places.ts";

const INVALID_CODE = "ERR_SCENARIO_INVALID";
/** A module only describes a scenario: it has nothing to wait for. */
const LOADING_MS_MAX = 10_000;
const LATE = new Error(`the module was not done after ${LOADING_MS_MAX / 1000} seconds`);

/**
 * Loads the default export.
 * @param file absolute path
 * @throws {ReelError} ERR_SCENARIO_INVALID when the module cannot be loaded or exports no data
 */
export async function loadModule(file: string, text: string, shown: string): Promise<unknown> {
  let module: Record<string, unknown>;
  const leave = (): void => {
    note(`error[${INVALID_CODE}]: Cannot use ${shown}: it ended the program while it was loaded`);
    process.exitCode = EXIT.scenario;
  };
  try {
    process.on("exit", leave);
    const loading = import(pathToFileURL(file).href) as Promise<Record<string, unknown>>;
    module = await soon(loading);
  } catch (error) {
    throw loadError(error, file, text, shown);
  } finally {
    process.off("exit", leave);
  }
  const wanted = "wanted `export default scenario({ ... })`";
  if (!Object.hasOwn(module, "default")) {
    const names = Object.keys(module);
    const found = names.length === 0 ? "nothing" : names.join(", ");
    const message = `Cannot use ${shown}: it has no default export: found ${found}, ${wanted}`;
    throw fileError(shown, message, undefined);
  }
  const value = module["default"];
  if (typeof value !== "object" || value === null) {
    const message = `Cannot use ${shown}: its default export is ${show(value)}: ${wanted}`;
    const help = typeof value === "function" ? "call the function and export what it returns" : "";
    throw placedError(text, shown, message, help === "" ? undefined : help, exportPlace(text));
  }
  return value;
}

/** Fails when a module waits for something that does not come. */
async function soon<T>(loading: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const withdraw = hostAfter(LOADING_MS_MAX, () => late.reject(LATE));
  try {
    return await Promise.race([loading, late.promise]);
  } finally {
    withdraw();
  }
}

/** Where the default export begins: the best place there is for what is wrong inside of it. */
export function exportPlace(text: string): TextPlace {
  const at = /^[ \t]*export\s+default\b|^[ \t]*export\s*\{/m.exec(text);
  const offset = at === null ? 0 : at.index + at[0].search(/\S/);
  return { ...lineAndColumn(text, offset), length: at?.[0].trim().length ?? 1 };
}

interface Thrown {
  readonly message?: string;
  readonly stack?: string;
  /** Of Bun's messages about modules that cannot be built or found. */
  readonly position?: { readonly line: number; readonly column: number; readonly length: number };
  readonly errors?: readonly Thrown[];
  /** Of an import that cannot be resolved. */
  readonly specifier?: string;
}

function loadError(error: unknown, file: string, text: string, shown: string): Error {
  const thrown = (typeof error === "object" && error !== null ? error : {}) as Thrown;
  const first = thrown.errors?.[0] ?? thrown;
  const why = (first.message ?? show(error)).split("\n", 1)[0]!;
  const position = first.position;
  if (position !== undefined && position !== null) {
    return placedError(text, shown, `Cannot load ${shown}: ${why}`, undefined, position);
  }
  if (first.specifier !== undefined) {
    const place = importPlace(text, first.specifier);
    return placedError(text, shown, `Cannot load ${shown}: ${why}`, undefined, place);
  }
  const message = `Cannot load ${shown}: ${error === LATE ? "" : "the module threw: "}${why}`;
  const help = isReelError(error) ? error.mend : undefined;
  return placedError(text, shown, message, help, stackPlace(first.stack, file));
}

/** Where an import names a module that is not there. */
function importPlace(text: string, specifier: string): TextPlace {
  const offset = Math.max(text.indexOf(`"${specifier}"`), text.indexOf(`'${specifier}'`));
  if (offset === -1) return { line: 1, column: 1, length: 1 };
  return { ...lineAndColumn(text, offset), length: specifier.length + 2 };
}

function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split("\n");
  return { line: before.length, column: before.at(-1)!.length + 1 };
}

/** The innermost call of the scenario's own file. */
function stackPlace(stack: string | undefined, file: string): TextPlace {
  for (const line of (stack ?? "").split("\n")) {
    const at = line.indexOf(`${file}:`);
    if (at === -1) continue;
    const numbers = /^(\d+)(?::(\d+))?/.exec(line.slice(at + file.length + 1));
    if (numbers !== null) {
      return { line: Number(numbers[1]), column: Number(numbers[2] ?? 1), length: 1 };
    }
  }
  return { line: 1, column: 1, length: 1 };
}

function placedError(
  text: string,
  shown: string,
  message: string,
  help: string | undefined,
  place: TextPlace,
): Error {
  const { line, column, length } = place;
  const frame = codeFrame(text, line, column, length);
  return fileError(shown, message, help, { line, column, frame });
}
