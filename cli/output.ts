/**
 * Where the command line writes: data to stdout, everything else to stderr, colours only where a
 * person looks. Nothing else in `cli/` touches the streams.
 */
import { writeSync } from "node:fs";
import { styleText } from "node:util";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const STDOUT = 1;
const STDERR = 2;

/**
 * Writes all of it; a reader that went away (`| head`) ends the output, not the program.
 * @returns whether there is still a reader
 */
function writeBytes(descriptor: number, bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "EAGAIN") continue;
      if (code === "EPIPE") return false;
      throw error;
    }
  }
  return true;
}

function write(descriptor: number, text: string): void {
  writeBytes(descriptor, new TextEncoder().encode(text));
}

/** Data: what a pipe should carry on. */
export function out(text: string): void {
  write(STDOUT, `${text}\n`);
}

/** Data that is no text. @returns false when nobody reads it any more */
export function outBytes(bytes: Uint8Array): boolean {
  return writeBytes(STDOUT, bytes);
}

/** Whether data would be shown to a person. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** Messages for people. */
export function note(text: string): void {
  write(STDERR, `${text}\n`);
}

/** One JSON document on stdout, its schema first. */
export function json(schema: string, value: Readonly<Record<string, unknown>>): void {
  out(JSON.stringify({ schema, ...value }, undefined, 2));
}

/** Colours a text for stdout, if a terminal shows it and NO_COLOR does not forbid it. */
export function paint(style: Style, text: string): string {
  return colours(process.stdout.isTTY) ? styleText(style, text, { validateStream: false }) : text;
}

/** {@link paint} for stderr. */
export function paintNote(style: Style, text: string): string {
  return colours(process.stderr.isTTY) ? styleText(style, text, { validateStream: false }) : text;
}

function colours(isTerminal: boolean | undefined): boolean {
  const { FORCE_COLOR, NO_COLOR } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "" && FORCE_COLOR !== "0") return true;
  return isTerminal === true;
}

/** Rows as aligned columns, two spaces between them. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, Bun.stringWidth(cell))));
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell + " ".repeat(widths[i]! - Bun.stringWidth(cell)))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
