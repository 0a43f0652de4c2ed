/**
 * Rules over the whole import graph: no circles, and no file that nothing needs.
 */
import type { Finding, TidyFile } from "./files.ts";
import { importsOf, modulesNamedIn } from "./import-list.ts";
import { isTestFile } from "./imports.ts";

/** What keeps a file alive without anybody importing it: the programs and the package's faces. */
export const ENTRY_POINTS: readonly RegExp[] = [
  /^index\.ts$/,
  /^core\/(?:provider|testing)\/index\.ts$/,
  /^providers\/disk\/devices\.ts$/,
  /^cli\/main\.ts$/,
  /^bench\/(?:main|[a-z-]+\.bench)\.ts$/,
  /^scripts\/(?:ok|gen|golden|rows|demo|examples|soak-[a-z]+)\.ts$/,
  /^(?:examples|templates)\/.*\.ts$/,
  /^drizzle\.config\.ts$/,
];

/** Path to the paths it imports when it runs. Imports of types vanish, so they make no circle. */
export type Graph = ReadonlyMap<string, readonly string[]>;

export function graphOf(files: readonly TidyFile[]): Graph {
  const known = new Set(files.map((file) => file.path));
  const graph = new Map<string, string[]>();
  for (const { path, source } of files) {
    if (source === undefined) continue;
    const targets = importsOf(source).filter(
      (item) => !item.typeOnly && known.has(item.path ?? ""),
    );
    graph.set(path, [...new Set(targets.map((item) => item.path!))]);
  }
  return graph;
}

/** One circle through each strongly connected part of the graph (Tarjan's algorithm). */
export function circlesOf(graph: Graph): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (node: string): void => {
    order.set(node, order.size);
    lowest.set(node, order.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) {
        lowest.set(node, Math.min(lowest.get(node)!, lowest.get(next)!));
      }
    }
    if (lowest.get(node) !== order.get(node)) return;
    const part = stack.splice(stack.indexOf(node));
    if (part.length > 1 || graph.get(node)?.includes(node)) circles.push(circleIn(graph, part));
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return circles;
}

/** The shortest way from a node of a strongly connected part back to itself. */
function circleIn(graph: Graph, part: readonly string[]): string[] {
  const start = part.toSorted()[0]!;
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const node of queue) {
    for (const next of graph.get(node) ?? []) {
      if (!part.includes(next)) continue;
      if (next === start) {
        const way = [node];
        while (way[0] !== start) way.unshift(cameFrom.get(way[0]!)!);
        return [...way, start];
      }
      if (!cameFrom.has(next)) {
        cameFrom.set(next, node);
        queue.push(next);
      }
    }
  }
  return [start, start];
}

/** Finds circles. */
export function checkCircles(files: readonly TidyFile[]): Finding[] {
  return circlesOf(graphOf(files)).map((circle) => {
    const way = circle.join(" → ");
    const message = `the circle ${way} is banned, move what both need into a third file`;
    return { path: circle[0]!, line: 1, rule: "circle", message };
  });
}

function reach(
  from: readonly string[],
  edges: ReadonlyMap<string, readonly string[]>,
): Set<string> {
  const reached = new Set(from);
  for (const path of reached) for (const next of edges.get(path) ?? []) reached.add(next);
  return reached;
}

/** Finds files that no program needs, and files that only tests need but that are not named so. */
export function checkDeadFiles(files: readonly TidyFile[]): Finding[] {
  const edges = new Map<string, string[]>();
  for (const { path, source } of files) {
    if (source === undefined) continue;
    const imported = importsOf(source).flatMap((item) => item.path ?? []);
    edges.set(path, [...imported, ...modulesNamedIn(source)]);
  }
  const paths = [...edges.keys()];
  const isEntry = (path: string): boolean => ENTRY_POINTS.some((entry) => entry.test(path));
  const alive = reach(paths.filter(isEntry), edges);
  const tested = reach(
    paths.filter((path) => path.endsWith(".test.ts")),
    edges,
  );
  const findings: Finding[] = [];
  for (const path of paths) {
    if (alive.has(path) || /\.(?:test|d)\.ts$/.test(path)) continue;
    // The tidy rules are a test's own parts.
    if (tested.has(path) && (isTestFile(path) || path.startsWith("scripts/tidy/"))) continue;
    const message = tested.has(path)
      ? "the file is used by tests only, import it or name it .fixture.ts or .program.ts"
      : "the file is never imported, delete it or import it";
    findings.push({ path, line: 1, rule: "dead-file", message });
  }
  return findings;
}
