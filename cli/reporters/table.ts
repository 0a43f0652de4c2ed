/** Tables for terminals: aligned columns under dim headings, coloured cells and all. */
import { paint } from "../output.ts";

export interface Column {
  readonly head: string;
  readonly align: "left" | "right";
}

/** @param rows a cell for every column; cells may contain colours */
export function tableText(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const widths = columns.map(({ head }, column) =>
    Math.max(...[head, ...rows.map((row) => row[column]!)].map((cell) => Bun.stringWidth(cell))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const blanks = " ".repeat(widths[column]! - Bun.stringWidth(cell));
        return columns[column]!.align === "right" ? blanks + cell : cell + blanks;
      })
      .join("  ")
      .trimEnd();
  return [line(columns.map(({ head }) => paint("dim", head))), ...rows.map(line)].join("\n");
}
