/**
 * The TCP connections of a capture as a scenario: each gets a listener, a task that serves it, and
 * a task for its client. Both say what they said in the capture, and read what the other said.
 */
import { TRANSFER_BYTES_MAX } from "../scenario/limits.ts";
import type { CapturedPacket } from "./capture.ts";
import { refuseImport } from "./mistake.ts";
import { forComment, scenarioText, sleep, step, type Fields } from "./scenario-text.ts";
import {
  MESSAGES_MAX,
  tcpConversations,
  type Conversation,
  type Message,
} from "./tcp-conversations.ts";

/** Longer messages, and what is no text, are written as a pattern of the same length. */
const TEXT_BYTES_MAX = 4096;
/** All texts of a scenario. */
const TEXTS_BYTES_MAX = 256 << 10;
/** Pauses that matter; shorter ones are the network's. */
const PAUSE_NS_MIN = 100_000;

const decoder = new TextDecoder("utf-8", { fatal: true });
const NO_TEXT = /[^\t\n\r\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]/u;

/** Makes the steps of all connections, and keeps account of what is left of the limits. */
class Writer {
  #textBytes = 0;
  /** Messages whose bytes the scenario does not have. */
  patterns = 0;

  write(to: string, message: Message): string {
    const text = this.#textOf(message);
    if (text !== undefined) return step("write", { to, text });
    this.patterns++;
    return step("write", { to, pattern: "random", sizeBytes: message.length });
  }

  #textOf({ length, parts }: Message): string | undefined {
    if (length > TEXT_BYTES_MAX || this.#textBytes + length > TEXTS_BYTES_MAX) return undefined;
    const bytes = Buffer.concat(parts);
    if (bytes.length !== length) return undefined;
    try {
      const text = decoder.decode(bytes);
      if (NO_TEXT.test(text) || new TextEncoder().encode(text).length !== length) return undefined;
      this.#textBytes += length;
      return text;
    } catch {
      return undefined;
    }
  }
}

interface Sides {
  readonly client: string[];
  readonly server: string[];
}

function speak(
  { beginNs, messages }: Conversation,
  writer: Writer,
  names: { link: string; peer: string },
): Sides {
  const sides: Sides = { client: [], server: [] };
  let before = beginNs;
  for (const message of messages) {
    const { fromClient, length } = message;
    const [from, to] = fromClient ? [sides.client, sides.server] : [sides.server, sides.client];
    const pauseNs = Math.round(message.beginNs - before);
    if (pauseNs >= PAUSE_NS_MIN) from.push(sleep(pauseNs));
    from.push(writer.write(fromClient ? names.link : names.peer, message));
    const reader = fromClient ? names.peer : names.link;
    to.push(step("read", { from: reader, sizeBytes: length }));
    before = message.endNs;
  }
  return sides;
}

const bytesFrom = ({ messages }: Conversation, fromClient: boolean): number =>
  messages.reduce((sum, each) => sum + (each.fromClient === fromClient ? each.length : 0), 0);

function checkSizes(path: string, conversations: readonly Conversation[]): void {
  const count = conversations.reduce((sum, { messages }) => sum + messages.length, 0);
  const most = Math.max(...conversations.map((each) => bytesFrom(each, true)));
  const mend = "Filter the capture, as with tshark -Y";
  if (count > MESSAGES_MAX) {
    refuseImport(path, "", `it has ${count} messages, wanted at most ${MESSAGES_MAX}`, mend);
  }
  if (most > TRANSFER_BYTES_MAX) refuseImport(path, "", `one side says ${most} bytes`, mend);
}

/**
 * Makes a scenario of a capture.
 * @param path what the capture is called in errors
 * @throws {ReelError} ERR_USAGE, with the packet's number where it is one
 */
export function pcapScenario(path: string, packets: Iterable<CapturedPacket>): string {
  const conversations = tcpConversations(path, packets);
  checkSizes(path, conversations);
  const writer = new Writer();
  const [devices, expected] = [new Map<string, Fields>(), new Map<string, Fields>()];
  const tasks = new Map<string, readonly string[]>();
  const comments = [`Made of ${forComment(path)}, a packet capture.`];
  const firstNs = Math.min(...conversations.map(({ beginNs }) => beginNs));
  for (const [index, conversation] of conversations.entries()) {
    const n = index + 1;
    const [listener, link, peer] = [`server${n}`, `link${n}`, `peer${n}`];
    const { client, server } = speak(conversation, writer, { link, peer });
    const delayNs = Math.round(conversation.beginNs - firstNs);
    devices.set(listener, { kind: "tcp", role: "listen" });
    // Each side says that it has no more, and reads until the other has said so.
    tasks.set(`serve${n}`, [
      step("accept", { from: listener, as: peer }),
      ...server,
      step("read", peer),
      step("end", peer),
    ]);
    tasks.set(`client${n}`, [
      ...(delayNs > 0 ? [sleep(delayNs)] : []),
      step("connect", { to: listener, as: link }),
      ...client,
      step("end", link),
      step("read", link),
    ]);
    const [asked, answered] = [bytesFrom(conversation, true), bytesFrom(conversation, false)];
    expected.set(`client${n}`, { bytesWritten: asked, bytesRead: answered });
    expected.set(`serve${n}`, { bytesWritten: answered, bytesRead: asked });
    const { client: from, server: to } = conversation;
    comments.push(`client${n} is ${from.replace(" ", " port ")}, to ${to.replace(" ", " port ")}.`);
  }
  if (writer.patterns > 0) {
    comments.push(
      `${writer.patterns} messages are random bytes: they are long, binary or cut off.`,
    );
  }
  const about = "What was said on the TCP connections of a packet capture.";
  return scenarioText({ name: "imported-capture", about, comments, devices, tasks, expected });
}
