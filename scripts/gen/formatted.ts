/**
 * Formats generated text as `bun fmt` would, so that a generated file passes `bun fmt --check`.
 */

/**
 * @param path where the text is going to be; its ending says what it is
 * @throws {Error} when the formatter refuses the text
 */
export async function formatted(root: string, path: string, text: string): Promise<string> {
  const command = [process.execPath, "fmt", "--no-script", `--stdin-filepath=${path}`];
  const child = Bun.spawn(command, { cwd: root, stdin: Buffer.from(text), stderr: "pipe" });
  const [output, complaint] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`Cannot format ${path}: ${complaint.trim()}`);
  return output;
}
