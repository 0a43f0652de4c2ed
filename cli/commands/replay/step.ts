/**
 * `ioreel replay --step`: a prompt in a recording. Lines come from a terminal or a pipe; an answer
 * is whole before the next line is read, so that a script of lines gives the same text every time.
 */
import { createInterface } from "node:readline";
import { isReelError, ReelError } from "../../../core/errors.ts";
import { lifeOf } from "../../../core/session/places/life.ts";
import type { PredicateNames } from "../../../core/session/places/predicate/names.ts";
import { FIELDS } from "../../../core/session/places/predicate/fields.ts";
import { Timeline } from "../../../core/session/places/timeline.ts";
import type { Recording } from "../../../core/session/recording.ts";
import { nameText } from "../../../core/session/describe.ts";
import { EXIT } from "../../exit-codes.ts";
import { columns, out, paint } from "../../output.ts";
import { didYouMean } from "../../../core/suggest.ts";
import { goTo, printPlace, type PlaceFlags } from "./at.ts";
import { stateAt } from "./live.ts";
import { namesOf } from "./names.ts";
import {
  aroundText,
  eventLines,
  lifeText,
  placeLine,
  placePage,
  timeText,
  totalsText,
} from "./page.ts";
import { placeOf, predicateOf } from "./place.ts";
import { foundText } from "./state-page.ts";

/** Events that `events` shows on either side without a number. */
const EVENTS_SHOWN = 10;
const MARKS_SHOWN = 200;

/** What a command does with the words behind its name. */
type Command = (rest: string) => string | Promise<string>;

/** Names, words behind them, and what they do, for `help`. */
const HELP: readonly (readonly [string, string])[] = [
  ["n, s [count]", "step forward"],
  ["b [count]", "step back"],
  ["c EXPR", "continue to the next event for which the expression holds"],
  ["rc EXPR", "continue backwards to the last one before"],
  ["at PLACE", "go to an event, a time (12.5ms), a mark's text, or end"],
  ["table", "show the operations in flight, the totals and the events around"],
  ["json", "the same as one JSON document"],
  ["op NUMBER", "show the whole life of an operation"],
  ["state [provider]", "show the state by field names; runs the recorded scenario up to here"],
  ["events [count]", "show more events around"],
  ["marks", "list the marks"],
  ["help", "print this, and what expressions can ask for"],
  ["q", "quit"],
];

export async function stepThrough(
  recording: Recording,
  file: string,
  flags: PlaceFlags,
): Promise<number> {
  const line = new Timeline(recording);
  goTo(line, recording, flags);
  const prompt = new Prompt(line, recording, file, flags.live);
  const isTerminal = process.stdin.isTTY === true;
  out(prompt.here());
  const lines = createInterface({
    input: process.stdin,
    output: isTerminal ? process.stdout : undefined,
    prompt: "(reel) ",
    terminal: isTerminal,
  });
  // Ctrl-C leaves the prompt, as the end of input does.
  lines.on("SIGINT", () => lines.close());
  if (isTerminal) lines.prompt();
  for await (const text of lines) {
    const answer = await prompt.answer(text.trim());
    if (answer === undefined) break;
    if (answer !== "") out(answer);
    if (isTerminal) lines.prompt();
  }
  lines.close();
  return EXIT.ok;
}

/** Answers one line after the other. */
class Prompt {
  readonly #line: Timeline;
  readonly #recording: Recording;
  readonly #names: PredicateNames;
  readonly #file: string;
  readonly #live: boolean | undefined;
  readonly #commands: ReadonlyMap<string, Command>;
  #last = "";

  /** @param live whether `json` has the state in it; undefined to decide by what it costs */
  constructor(line: Timeline, recording: Recording, file: string, live: boolean | undefined) {
    this.#line = line;
    this.#live = live;
    this.#recording = recording;
    this.#names = namesOf(recording);
    this.#file = file;
    const forward: Command = (rest) => this.#step(rest, 1);
    const back: Command = (rest) => this.#step(rest, -1);
    this.#commands = new Map<string, Command>([
      ["n", forward],
      ["next", forward],
      ["s", forward],
      ["step", forward],
      ["b", back],
      ["back", back],
      ["c", (rest) => this.#continue(rest, true)],
      ["rc", (rest) => this.#continue(rest, false)],
      ["at", (rest) => this.#at(rest)],
      ["table", () => placePage(line, this.#names)],
      ["json", () => this.#json()],
      ["op", (rest) => this.#life(rest)],
      ["state", (rest) => this.#state(rest)],
      ["events", (rest) => this.#events(count(rest, EVENTS_SHOWN))],
      ["totals", () => totalsText(line)],
      ["marks", () => this.#marks()],
      ["help", help],
    ]);
  }

  /** The place and the event that is next. */
  here(): string {
    const line = this.#line;
    const { next } = line;
    const event = next === undefined ? [] : [eventLines([next], line.sequence, this.#names)];
    return [paint("bold", placeLine(line)), ...event].join("\n");
  }

  /** @returns what to print; undefined to quit */
  async answer(text: string): Promise<string | undefined> {
    // An empty line does the last thing again, as debuggers do.
    const line = text === "" ? this.#last : text;
    this.#last = line;
    const [name = "", rest = ""] = splitOnce(line);
    if (name === "") return "";
    if (name === "q" || name === "quit" || name === "exit") return undefined;
    const command = this.#commands.get(name);
    if (command === undefined) {
      const meant = didYouMean(name, this.#commands.keys());
      return `no command "${name}": ${meant ?? "type help"}`;
    }
    try {
      return await command(rest);
    } catch (error) {
      if (!isReelError(error)) throw error;
      return error.mend === undefined ? error.message : `${error.message}\nhelp: ${error.mend}`;
    }
  }

  #step(rest: string, direction: 1 | -1): string {
    this.#line.step(direction * count(rest, 1));
    return this.here();
  }

  #continue(rest: string, forward: boolean): string {
    const line = this.#line;
    const from = line.sequence;
    if (rest === "") refuse("found no expression", "Give one: c kind == settle && result < 0");
    const holds = predicateOf(rest, this.#names);
    const found = forward ? line.continueForward(holds) : line.continueBackward(holds);
    if (found) return this.here();
    line.at(from);
    return `no event ${forward ? "after" : "before"} this one is one for which ${rest} holds`;
  }

  #at(rest: string): string {
    this.#line.at(placeOf(rest));
    return this.here();
  }

  #life(rest: string): string {
    const number = rest.replace("#", "");
    if (number === "") refuse("found no operation", "Give its number: op 17");
    return lifeText(lifeOf(this.#recording, count(number, 0)), this.#line.sequence, this.#names);
  }

  async #json(): Promise<string> {
    await printPlace(this.#line, this.#recording, this.#file, this.#live);
    return "";
  }

  async #state(rest: string): Promise<string> {
    const { sequence } = this.#line;
    const state = await stateAt(this.#recording, this.#file, sequence);
    return foundText(state, sequence, rest === "" ? undefined : rest);
  }

  #events(each: number): string {
    return aroundText(this.#line, each, each, this.#names);
  }

  #marks(): string {
    const { marks } = this.#line;
    if (marks.length === 0) return "the recording has no marks";
    const rows = marks.slice(0, MARKS_SHOWN).map(({ sequence, text, timeNs }) => {
      return [String(sequence), timeText(timeNs), nameText(text)];
    });
    const more = marks.length - rows.length;
    return more > 0 ? `${columns(rows)}\n(and ${more} more)` : columns(rows);
  }
}

/** A count behind a command. */
function count(text: string, otherwise: number): number {
  if (text === "") return otherwise;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  return refuse(`found ${text}`, "Give a whole number");
}

function refuse(found: string, mend: string): never {
  throw new ReelError("ERR_USAGE", `Cannot do that: ${found}`, { mend });
}

function splitOnce(text: string): [string, string] {
  const at = text.search(/\s/);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at).trim()];
}

function help(): string {
  const fields = [...FIELDS].map(([name, { meaning }]) => [`  ${name}`, meaning]);
  return [
    columns(HELP),
    "",
    "Expressions compare fields with == != < <= > >= and ~ (contains), joined by && || ! ( ):",
    columns(fields),
  ].join("\n");
}
