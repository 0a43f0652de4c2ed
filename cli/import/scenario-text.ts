/** Scenarios as YAML text, one step a line, as a person would have written them. */
import { withoutVariables } from "../scenario/variables.ts";

/** Values of a step's or device's keys; those that are undefined are left out. */
export type Fields = Readonly<Record<string, string | number | undefined>>;

export interface ScenarioText {
  readonly name: string;
  readonly about: string;
  /** Lines of comments above everything. */
  readonly comments: readonly string[];
  readonly devices: ReadonlyMap<string, Fields>;
  /** Steps of each task, each as {@link step} gives it. */
  readonly tasks: ReadonlyMap<string, readonly string[]>;
  readonly expected: ReadonlyMap<string, Fields>;
}

/** Words that YAML takes for something else than text. */
const WORD = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z][\w-]*$/i;

function scalar(value: string | number): string {
  if (typeof value === "number" || WORD.test(value)) return String(value);
  const text = JSON.stringify(withoutVariables(value));
  // The scenario reader counts brackets, those in texts too, to refuse what is nested too deep.
  return isBalanced(text) ? text : text.replaceAll("{", "\\x7b").replaceAll("[", "\\x5b");
}

function isBalanced(text: string): boolean {
  return text.replaceAll(/[^[{]/g, "").length <= text.replaceAll(/[^\]}]/g, "").length;
}

function flow(fields: Fields): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `{ ${given.map(([key, value]) => `${key}: ${scalar(value!)}`).join(", ")} }`;
}

/** A step: its name, and its fields or the one value that it takes. */
export function step(name: string, value: Fields | string): string {
  return `${name}: ${typeof value === "string" ? value : flow(value)}`;
}

/** A pause, as a step. */
export function sleep(durationNs: number): string {
  return step("sleep", `${durationNs}ns`);
}

/** The whole text. */
export function scenarioText(scenario: ScenarioText): string {
  const lines = scenario.comments.map((line) => `# ${line}`);
  lines.push("version: 1", `name: ${scalar(scenario.name)}`, `about: ${scalar(scenario.about)}`);
  lines.push("", "devices:");
  for (const [name, fields] of scenario.devices) lines.push(`  ${name}: ${flow(fields)}`);
  lines.push("", "tasks:");
  for (const [name, steps] of scenario.tasks) {
    lines.push(`  ${name}:`, ...steps.map((text) => `    - ${text}`));
  }
  lines.push("", "expect:", "  tasks:");
  for (const [name, fields] of scenario.expected) lines.push(`    ${name}: ${flow(fields)}`);
  return `${lines.join("\n")}\n`;
}

/** A text from outside, fit for a comment: one line, printable, not too long. */
export function forComment(text: string): string {
  return JSON.stringify(text.slice(0, 100)).replaceAll(/[^\x20-\x7e]/g, "?");
}
