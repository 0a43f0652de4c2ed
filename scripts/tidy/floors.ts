/**
 * The house's plan as data: which floor each folder is on, who may import whom beyond that, and
 * which packages may be imported where. The rules that read it are in imports.ts.
 */

export interface Floor {
  name: string;
  /** Files, or folders that end in a slash. The first floor that matches a path is its floor. */
  paths: readonly string[];
}

/** From the ground up: a file may import its own floor and those below. */
export const FLOORS: readonly Floor[] = [
  {
    name: "ground",
    paths: [
      "core/errors.ts",
      "core/clock.ts",
      "core/random.ts",
      "core/schema.ts",
      "core/suggest.ts",
      "core/suggest.test.ts",
      "core/units.ts",
    ],
  },
  { name: "state, buffer, task", paths: ["core/state/", "core/buffer/", "core/task/"] },
  { name: "descriptor", paths: ["core/descriptor/"] },
  { name: "backend, provider, sync", paths: ["core/backend/", "core/provider/", "core/sync/"] },
  { name: "session", paths: ["core/session/"] },
  { name: "engine", paths: ["core/engine/", "core/engine.ts"] },
  { name: "guard", paths: ["core/guard/"] },
  { name: "syscall", paths: ["core/syscall.ts", "core/syscall-waits.ts", "core/syscall/"] },
  { name: "runtime", paths: ["core/runtime/", "core/runtime.ts"] },
  { name: "pool", paths: ["core/pool/"] },
  { name: "testing", paths: ["core/testing/"] },
  { name: "providers, plugins", paths: ["providers/", "plugins/"] },
  { name: "index", paths: ["index.ts"] },
  { name: "cli, bench", paths: ["cli/", "bench/"] },
  { name: "outside", paths: ["examples/", "scripts/", "templates/", "drizzle.config.ts"] },
];

/** A folder whose files see only some of what lies below. */
export interface NarrowView {
  /** Folder, ending in a slash. */
  from: string;
  /** Files and folders it may import besides itself. */
  sees: readonly string[];
  use: string;
}

export const NARROW_VIEWS: readonly NarrowView[] = [
  {
    from: "providers/",
    sees: ["core/provider/index.ts"],
    use: "core/provider/index.ts, all that a third party sees",
  },
  {
    from: "plugins/",
    sees: ["core/provider/index.ts"],
    use: 'the package "ioreel/provider", all that a third party sees',
  },
  { from: "examples/", sees: [], use: 'the packages "ioreel" and "ioreel/provider"' },
];

/** An import that the floors forbid and this project allows all the same. */
export interface Doorway {
  from: string;
  to: string;
  reason: string;
}

export const DOORWAYS: readonly Doorway[] = [
  {
    from: "index.ts",
    to: "cli/scenario/types.ts",
    reason: 'TypeScript scenarios import the helper scenario() from "ioreel"; it imports nothing',
  },
];

export interface PackageDoor {
  package: string;
  /** Path prefixes of the files that may import it. */
  in: readonly string[];
}

/** Every package that code may import, and where. `isTest` files may import the last group too. */
export const PACKAGE_DOORS: readonly PackageDoor[] = [
  { package: "@sinclair/typebox", in: ["core/schema.ts"] },
  { package: "drizzle-orm", in: ["core/session/store/"] },
  { package: "drizzle-kit", in: ["drizzle.config.ts", "core/session/store/", "scripts/"] },
  { package: "commander", in: ["cli/", "scripts/"] },
  { package: "elysia", in: ["cli/serve/"] },
  { package: "yaml", in: ["cli/scenario/"] },
  { package: "mitata", in: ["bench/"] },
  { package: "bun", in: [""] },
  { package: "ioreel", in: ["examples/", "plugins/", "templates/"] },
];

/** What tests may import beyond that, and the contract suites, which are tests for others. */
export const TEST_PACKAGES: readonly string[] = ["bun:test", "fast-check"];
