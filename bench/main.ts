/**
 * `bun run bench <topic>`: measures a topic and reports each of its targets. A missed target is a
 * result and no failure; the exit code is 1 when a benchmark throws and 2 for a wrong command line.
 */
import { parseArgs } from "node:util";
import core from "./core.bench.ts";
import disk from "./disk.bench.ts";
import session from "./session.bench.ts";
import tcp from "./tcp.bench.ts";
import threads from "./threads.bench.ts";
import { measureTopic } from "./measure.ts";
import { profileServer } from "./profile.ts";
import { formatReport } from "./report.ts";
import type { Effort } from "./samplers.ts";
import type { Row, Topic } from "./topic.ts";

const TOPICS: readonly Topic[] = [core, disk, session, tcp, threads];

const FULL: Effort = { rounds: 15, sampleMs: 250, warmUpMs: 1500, distributionMs: 400 };
/** Nine rounds are the least that a median is worth here. */
const QUICK: Effort = { rounds: 9, sampleMs: 80, warmUpMs: 500, distributionMs: 100 };

const USAGE = `Usage: bun run bench <topic> [--json] [--quick] [--filter NAME]
       bun run bench <topic> --profile NAME

Topics: ${TOPICS.map(({ name }) => name).join(", ")}

  --json         the report as JSON on standard output: { topic, machine, ratios, raw }
  --quick        shorter samples, and fewer rounds
  --filter NAME  only the rows whose name contains NAME, in any case
  --profile NAME where a server under load spends its time, by its name in the report
  --help         this text

Exit code: 0 also when targets are missed; 1 when a benchmark fails; 2 for a wrong command line.`;

interface Command {
  topic: Topic;
  rows: readonly Row[];
  json: boolean;
  profile: string;
  effort: Effort;
}

/** A command line that cannot be obeyed. */
class UsageError extends Error {}

function parse(words: string[]): Command | undefined {
  const { values, positionals } = parseArgs({
    args: words,
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      filter: { type: "string", default: "" },
      profile: { type: "string", default: "" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const [name, ...others] = positionals;
  const topic = TOPICS.find((each) => each.name === name);
  if (topic === undefined || others.length > 0) {
    const known = TOPICS.map((each) => each.name).join(", ");
    throw new UsageError(
      `Cannot run ${positionals.join(" ") || "no topic"}: give one of: ${known}`,
    );
  }
  const part = values.filter.toLowerCase();
  const rows = topic.rows.filter((row) => row.name.toLowerCase().includes(part));
  if (rows.length === 0) {
    const names = topic.rows.map((row) => `  ${row.name}`).join("\n");
    throw new UsageError(`Cannot filter by "${values.filter}": no row has that name\n${names}`);
  }
  const effort = values.quick
    ? { ...QUICK, ...topic.effort?.quick }
    : { ...FULL, ...topic.effort?.full };
  return { topic, rows, json: values.json, profile: values.profile, effort };
}

/** Tells people what is going on, where there is a terminal to tell it on. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`);
}

async function main(): Promise<number> {
  let command: Command | undefined;
  try {
    command = parse(process.argv.slice(2));
  } catch (error) {
    console.error(`error: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (command === undefined) {
    console.log(USAGE);
    return 0;
  }
  const { topic, rows, json, profile, effort } = command;
  if (profile !== "") {
    console.log(await profileServer(topic, profile));
    return 0;
  }
  const report = await measureTopic(topic, rows, effort, progress);
  progress("");
  console.log(json ? JSON.stringify(report, null, 2) : formatReport(report, rows));
  return 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  progress("");
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
