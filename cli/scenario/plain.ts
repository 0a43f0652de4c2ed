/**
 * Copies whatever a YAML parser or a TypeScript module gave into plain JSON that nothing else holds
 * on to: mappings, lists, text, finite numbers, true, false and null. Cycles, alias bombs and
 * things that are no data are found here, before anything else looks at the value.
 */
import { pathText, show, type Issues, type Path } from "./issue.ts";
import { DEPTH_MAX, NODES_MAX } from "./limits.ts";

/** @returns the copy; parts that were refused are null in it, and noted */
export function plainCopy(value: unknown, issues: Issues): unknown {
  return new Copier(issues).copy(value, []);
}

class Copier {
  readonly #issues: Issues;
  /** The mappings and lists that the one being copied is inside of. */
  readonly #open = new Set<object>();
  #nodes = 0;
  #full = false;

  constructor(issues: Issues) {
    this.#issues = issues;
  }

  copy(value: unknown, path: Path): unknown {
    if (this.#full || value === undefined || value === null) return null;
    if (++this.#nodes > NODES_MAX) {
      this.#full = true;
      const message = `The scenario has more than ${NODES_MAX} values`;
      return this.#refuse(path, message, "write it shorter, or use fewer aliases");
    }
    if (typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") return this.#number(value, path);
    if (typeof value !== "object") return this.#notData(value, path);
    if (this.#open.has(value)) {
      return this.#refuse(path, `${pathText(path)} contains itself`, "write it without the alias");
    }
    if (path.length >= DEPTH_MAX) {
      const message = `${pathText(path.slice(0, 8))} is nested too deep`;
      return this.#refuse(path, `${message}: wanted at most ${DEPTH_MAX} levels`);
    }
    this.#open.add(value);
    const copied = Array.isArray(value) ? this.#list(value, path) : this.#mapping(value, path);
    this.#open.delete(value);
    return copied;
  }

  #list(value: readonly unknown[], path: Path): unknown {
    return Array.from(value, (entry, position) => this.copy(entry, [...path, position]));
  }

  #mapping(value: object, path: Path): unknown {
    const prototype = Object.getPrototypeOf(value) as unknown;
    if (prototype !== Object.prototype && prototype !== null) return this.#notData(value, path);
    const entries: [string, unknown][] = [];
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
      if (!("value" in property)) return this.#notData(value, path);
      if (property.value !== undefined) {
        entries.push([key, this.copy(property.value, [...path, key])]);
      }
    }
    return Object.fromEntries(entries);
  }

  #number(value: number, path: Path): unknown {
    if (Number.isFinite(value)) return value;
    return this.#refuse(path, `${pathText(path)} must be a finite number: found ${value}`);
  }

  #notData(value: unknown, path: Path): null {
    const found =
      typeof value === "object" ? `an object of class ${className(value)}` : show(value);
    const wanted = "plain data (mappings, lists, text, numbers, true, false)";
    return this.#refuse(path, `${pathText(path)} must be ${wanted}: found ${found}`);
  }

  #refuse(path: Path, message: string, help?: string): null {
    this.#issues.add(path, message, help);
    return null;
  }
}

function className(value: object | null): string {
  const maker: unknown = value?.constructor;
  return typeof maker === "function" ? maker.name : "unknown";
}
