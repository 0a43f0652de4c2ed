/** Expressions over events: what they find, and what they say about mistakes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { OPCODE } from "../../../backend/contract.ts";
import { ERRNO, ReelError } from "../../../errors.ts";
import type { SessionEvent } from "../../event.ts";
import { randomEvents, recordedOf, refusal } from "../../session.fixture.ts";
import { Timeline } from "../timeline.ts";
import { compilePredicate } from "./predicate.ts";

const names = {
  providers: ["pipe", "timer"],
  operations: (kind: string) => (kind === "pipe" ? ["read", "write", "peek"] : ["read"]),
};
const RESET = -ERRNO.ECONNRESET;
const submit = { file: 3, opFlags: 0, how: 0, digest: undefined };
const start = { handle: 9, argument: 0, digest: undefined };
const text = new TextEncoder();

const EVENTS: readonly SessionEvent[] = [
  { kind: "turn", steps: 4, nowNs: 5_000_000 },
  { kind: "submit", slot: 1, opcode: OPCODE.RECV, length: 65536, offset: -1, ...submit },
  { kind: "start", slot: 2, provider: 0, operation: 1, length: 10, offset: 0, ...start },
  { kind: "start", slot: 3, provider: 1, operation: 0, length: 8, offset: 0, ...start },
  { kind: "complete", slot: 1, result: 6, flags: 1, bytes: text.encode("GET /x") },
  { kind: "mark", text: "half done" },
  { kind: "complete", slot: 1, result: RESET, flags: 0, bytes: undefined },
  { kind: "settle", slot: 2, result: -1, digest: undefined },
  { kind: "cancel", slot: 3 },
  { kind: "settle", slot: 3, result: 8, digest: 0x1234 },
  { kind: "interrupt", line: 14 },
  { kind: "host", call: 1, args: [], results: [0], bytes: undefined },
  { kind: "end", outcome: "ok" },
];

/** Numbers of the events for which an expression holds. */
function found(expression: string, events = EVENTS): number[] {
  const line = new Timeline(recordedOf(events));
  const holds = compilePredicate(expression, names);
  const numbers: number[] = [];
  for (let more = line.continueForward(holds, true); more; more = line.continueForward(holds)) {
    numbers.push(line.sequence);
  }
  return numbers;
}

describe("compilePredicate()", () => {
  const holding: readonly (readonly [string, readonly number[]])[] = [
    ["kind == complete", [4, 6]],
    ["result == ECONNRESET", [6]],
    ["result < 0", [6, 7]],
    ["result != 0 && result != -1", [4, 6, 9]],
    ["opcode == RECV", [1, 4, 6]],
    ["opcode == recv && length == 64KiB && kind == submit", [1]],
    ["operation == read", [1, 3, 4, 6, 8, 9]],
    ["operation == write", [2, 7]],
    ["operation == 'read' && provider == timer", [3, 8, 9]],
    ["operation != read && op", [2, 7]],
    ["provider == pipe", [2, 7]],
    ["op == 1", [1, 4, 6]],
    ["op >= 2 && kind == settle", [7, 9]],
    ["file == 3", [1, 4, 6]],
    ["handle == 9 && kind != start", [7, 8, 9]],
    ["timeNs >= 5ms && timeNs < 0.1s && (slot == 2 || slot == 3)", [2, 3, 7, 8, 9]],
    ["sequence > 10", [11, 12]],
    ['bytes ~ "GET /"', [4]],
    ["bytes > 5", [4]],
    ["digest == 0x1234", [9]],
    ['text ~ "half"', [5]],
    ["text == ok", [12]],
    ["text", [5, 12]],
    ["line == 14", [10]],
    ["call == pipe", [11]],
    ["steps == 4", [0]],
    ["result == length", [9]],
    ["result < length", [4, 6, 7]],
    ["!(kind == turn) && !op && !text", [10, 11]],
    ["kind==turn||kind==end", [0, 12]],
    ["flags == 1", [4]],
    ["result != length && kind == turn", []],
  ];
  for (const [expression, numbers] of holding) {
    test(`finds the events of: ${expression}`, () =>
      expect(found(expression)).toEqual([...numbers]));
  }

  const wrong: readonly (readonly [string, string, string])[] = [
    ["reslt < 0", "^^^^^", "result"],
    ["kind == setle", "        ^^^^^", "settle"],
    ["provider == tcp", "            ^^^", "pipe"],
    ["result == ECONRESET", "          ^^^^^^^^^", "ECONNRESET"],
    ["length > 64KB2", "             ^", "wanted &&"],
    ["length > 64Kib", "           ^^^", "KiB"],
    ["length > 0.3B", "         ^^^^", "whole number"],
    ["(result < 0", "           ^", "wanted )"],
    ["result = 0", "       ^", "wanted =="],
    ["result <", "        ^", "wanted a number"],
    ["length ~ 3", "       ^", "for text and bytes"],
    ["text < a", "     ^", "wanted ==, != or ~"],
    ["operation < read", "          ^", "wanted == or !="],
    ["operation == rread", "             ^^^^^", "read"],
    ['text ~ "open', "       ^^^^^", "does not end"],
    ["5 < result", "^", "wanted a field"],
    ["", "^", "found the end"],
    [`${"!".repeat(70)}op`, "^", "nested too deeply"],
  ];
  for (const [expression, caret, hint] of wrong) {
    test(`shows the place of the mistake in: ${expression.slice(0, 40)}`, () => {
      const error = refusal(() => compilePredicate(expression, names));
      expect(error.code).toBe("ERR_USAGE");
      const last = error.message.split("\n").at(-1)!;
      expect(last.endsWith(caret.trim())).toBe(true);
      if (!expression.startsWith("!")) expect(last).toBe(`  ${caret}`);
      expect(`${error.message} ${error.mend}`).toContain(hint);
    });
  }

  test("compilePredicate() takes any text without harm, and only refuses by ERR_USAGE", () => {
    const words = ["kind", "==", "read", "(", ")", "!", "&&", "||", "op", "7ms", '"a"', "~", "-1"];
    const texts = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.array(fc.constantFrom(...words), { maxLength: 12 }).map((each) => each.join(" ")),
    );
    const events = randomEvents(4, 20);
    fc.assert(
      fc.property(texts, (expression) => {
        try {
          found(expression, events);
        } catch (error) {
          if (!(error instanceof ReelError) || error.code !== "ERR_USAGE") throw error;
        }
      }),
      { seed: 20261121, numRuns: 500 },
    );
    expect(refusal(() => compilePredicate("x".repeat(5000), names)).code).toBe("ERR_USAGE");
  });
});
