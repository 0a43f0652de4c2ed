/**
 * Takes secrets out of what a session sees: whatever a rule matches is written over, byte by byte,
 * so that lengths stay. What comes in is redacted before it is recorded, what goes out before its
 * checksum is taken.
 *
 * A replay gives the program redacted input, and compares what the program makes of it after the
 * same redaction. Both sides agree because redacting twice is redacting once: every match becomes a
 * run of one and the same byte, and rules are applied until none changes anything. Rules are never
 * taken out of a recording, whose maker could be anybody: a replay that needs them is given them
 * again, and compares a short checksum.
 */
import { bringsContent } from "./event.ts";
import type { Tap } from "./tap.ts";

/** What to take out of a session. */
export interface RedactionRule {
  /**
   * Text or bytes as they are, or an expression over the bytes as Latin-1 characters, so that a
   * place in the text is a place in the bytes. A match is within one transfer.
   */
  readonly pattern: string | RegExp | Uint8Array;
  /** One ASCII character to write over what matches, default `*`. The same for all rules. */
  readonly with?: string;
}

/** What a recording says about the rules it was made with: nothing that is a secret. */
export interface RecordedRedaction {
  /** The expressions' text; `literal` for a text or bytes, which are the secret itself. */
  readonly rules: readonly string[];
  /** 16 bits: enough to notice other rules, too few to find a secret by. */
  readonly check: number;
}

const FILL_DEFAULT = "*";
const latin1 = (bytes: Uint8Array): string => {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
};

/** Text as an expression that matches just that. */
function literal(text: string): RegExp {
  return new RegExp(text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`), "g");
}

function expression({ pattern }: RedactionRule): RegExp {
  if (typeof pattern === "string") return literal(latin1(new TextEncoder().encode(pattern)));
  if (pattern instanceof Uint8Array) return literal(latin1(pattern));
  // Characters are bytes here, and matches are looked for everywhere.
  const flags = pattern.flags.replaceAll(/[gyuv]/g, "");
  return new RegExp(pattern.source, `${flags}g`);
}

export class Redactor {
  readonly #expressions: readonly RegExp[];
  readonly #fill: number;

  /** @param rules as {@link checkRules} takes them */
  constructor(rules: readonly RedactionRule[]) {
    this.#expressions = rules.map(expression);
    this.#fill = (rules[0]?.with ?? FILL_DEFAULT).charCodeAt(0);
  }

  /** The bytes without what the rules match: they themselves where nothing does, or a copy. */
  bytes(bytes: Uint8Array): Uint8Array {
    let redacted = bytes;
    // Each round writes over at least one byte that is not yet the fill, so that there is a last.
    for (;;) {
      const next = this.#round(redacted);
      if (next === redacted) return redacted;
      redacted = next;
    }
  }

  #round(bytes: Uint8Array): Uint8Array {
    const fill = this.#fill;
    const text = latin1(bytes);
    let changed: Uint8Array | undefined;
    for (const each of this.#expressions) {
      for (const match of text.matchAll(each)) {
        const end = match.index + match[0].length;
        for (let at = match.index; at < end; at++) {
          if (bytes[at] === fill) continue;
          changed ??= bytes.slice();
          changed[at] = fill;
        }
      }
    }
    return changed ?? bytes;
  }

  text(text: string): string {
    const bytes = new TextEncoder().encode(text);
    const redacted = this.bytes(bytes);
    return redacted === bytes ? text : new TextDecoder().decode(redacted);
  }
}

/**
 * Refuses rules that are none.
 * @throws {TypeError} naming the rule
 */
export function checkRules(rules: readonly RedactionRule[]): void {
  for (const [index, rule] of rules.entries()) {
    const { pattern, with: fill = FILL_DEFAULT } = rule;
    const size = pattern instanceof RegExp ? pattern.source.length : (pattern?.length ?? 0);
    const isPattern =
      typeof pattern === "string" || pattern instanceof RegExp || pattern instanceof Uint8Array;
    if (!isPattern || size === 0) {
      refuse(index, "pattern must be a text, an expression or bytes, and not empty");
    }
    if (typeof fill !== "string" || !/^[\x20-\x7e]$/.test(fill)) {
      refuse(index, "with must be one ASCII character");
    }
    if (fill !== (rules[0]!.with ?? FILL_DEFAULT)) {
      refuse(index, "with must be the same character in all rules");
    }
  }
}

function refuse(index: number, wanted: string): never {
  throw new TypeError(`Cannot redact by rule ${index + 1}: ${wanted}`);
}

/** What to write down of rules. */
export function describeRules(rules: readonly RedactionRule[]): RecordedRedaction {
  const described = rules.map(({ pattern }) => {
    return pattern instanceof RegExp ? String(pattern) : "literal";
  });
  const parts = rules.map((rule) => `${expression(rule)} ${rule.with ?? FILL_DEFAULT}`);
  return { rules: described, check: Bun.hash.crc32(parts.join("\n")) & 0xffff };
}

/**
 * Makes a tap see redacted bytes from here on, whatever it does with them.
 * @returns the same tap
 */
export function redactTap<T extends Tap>(tap: T, redactor: Redactor): T {
  const { submit, complete, host, start, settle, mark } = tap;
  const hide = (bytes: Uint8Array | undefined) => bytes && redactor.bytes(bytes);
  tap.submit = (slot, opcode, file, length, offset, opFlags, bytes, how) =>
    submit.call(tap, slot, opcode, file, length, offset, opFlags, hide(bytes), how);
  tap.complete = (slot, result, flags, bytes) =>
    complete.call(tap, slot, result, flags, hide(bytes));
  tap.host = (call, args, results, bytes) =>
    host.call(tap, call, args, results, bringsContent(call) ? hide(bytes) : bytes);
  tap.start = (slot, provider, handle, operation, offset, length, bytes, argument) =>
    start.call(tap, slot, provider, handle, operation, offset, length, hide(bytes), argument);
  tap.settle = (slot, result, bytes) => settle.call(tap, slot, result, hide(bytes));
  tap.mark = (text) => mark.call(tap, redactor.text(text));
  return tap;
}
