/**
 * Paths of Unix-domain sockets on the emulated network: each has a number, which takes the place of
 * a port. A path keeps its number, so that connections that are left still know it.
 */
const PATHS_MAX = 32767;

export class Paths {
  #names: string[] = [""];
  readonly #numbers = new Map<string, number>();

  /** The number of a path, 0 for one that was never listened on. */
  find(path: string): number {
    return this.#numbers.get(path) ?? 0;
  }

  /** The number of a path, which gets one if need be. @returns 0 when there are too many */
  numberOf(path: string): number {
    const known = this.find(path);
    if (known !== 0) return known;
    if (this.#names.length > PATHS_MAX) return 0;
    this.#numbers.set(path, this.#names.length);
    return this.#names.push(path) - 1;
  }

  /** The path of a number; empty for a number that is a client's port. */
  nameOf(number: number): string {
    return this.#names[number] ?? "";
  }

  capture(): string[] {
    return this.#names.slice(1);
  }

  /** Whether these are paths that {@link apply} can take. */
  static accepts(paths: unknown): paths is string[] {
    if (!Array.isArray(paths) || paths.length > PATHS_MAX) return false;
    return paths.every((path) => typeof path === "string") && new Set(paths).size === paths.length;
  }

  apply(paths: readonly string[]): void {
    this.#names = ["", ...paths];
    this.#numbers.clear();
    for (const [i, path] of paths.entries()) this.#numbers.set(path, i + 1);
  }
}
