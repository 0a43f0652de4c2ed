#!/usr/bin/env bun
/**
 * The `ioreel` command. Its help is a generated file, so that asking for it loads nothing else, not
 * even what knows the terminal's width; everything but that is in command-line.ts.
 */

async function main(words: readonly string[]): Promise<number> {
  const asksForHelp = words.length < 2 && /^(|-h|--help|help)$/.test(words[0] ?? "");
  if (asksForHelp) {
    await Bun.write(Bun.stdout, Bun.file(`${import.meta.dir}/help.txt`));
    return 0;
  }
  const { runCommandLine } = await import("./command-line.ts");
  return runCommandLine(words);
}

if (import.meta.main) {
  const exitCode = await main(process.argv.slice(2));
  // Whatever a plugin left running must not keep a finished command alive.
  process.exit(exitCode);
}
