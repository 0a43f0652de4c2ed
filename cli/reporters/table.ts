/** Tables for terminals: aligned columns under dim headings, coloured cells and all. */
import { paint } from "../output.ts";

export type Alignment = "left" | "right";

/**
 * @param head one heading a column
 * @param rows cells, which may contain colours
 */
export function tableText(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  alignments: readonly Alignment[],
): string {
  const widths = head.map((heading, column) =>
    Math.max(...[heading, ...rows.map((row) => row[column]!)].map((cell) => Bun.stringWidth(cell))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const blanks = " ".repeat(widths[column]! - Bun.stringWidth(cell));
        return alignments[column] === "right" ? blanks + cell : cell + blanks;
      })
      .join("  ")
      .trimEnd();
  return [line(head.map((heading) => paint("dim", heading))), ...rows.map(line)].join("\n");
}
