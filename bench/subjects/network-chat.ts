/**
 * A chat on the emulated network: ten hosts with a member each, one of which is also the server's.
 * Every member sends a message about once a second, and the server passes each on to all of them.
 * Links have latency, jitter and loss. An operation is a millisecond of virtual time.
 */
import { NS_PER_MS, ms } from "../../core/clock.ts";
import { timed, type Subject } from "../subject.ts";
import { startNetwork, type NetworkRuntime } from "./network.ts";

const HOSTS = Array.from({ length: 10 }, (_, i) => `host-${i}`);
const SERVER = HOSTS[0]!;
const PORT = 6667;
const MESSAGE_BYTES = 64;
/** Mean of the pauses between a member's messages, and the least of them. */
const PAUSE_MS = 1000;
const PAUSE_MS_MIN = 500;
const LINK = { latencyNs: ms(20), jitterNs: ms(5), lossRate: 0.001 };

type Member = Awaited<ReturnType<NetworkRuntime["connect"]>>;

async function serve(io: NetworkRuntime, messages: number): Promise<void> {
  const listener = await io.listen({ host: SERVER, port: PORT });
  const members: Member[] = [];
  const relays = HOSTS.map(async () => {
    const member = await listener.accept();
    members.push(member);
    return member;
  });
  for (const member of await Promise.all(relays)) {
    io.spawn(async () => {
      for (let left = messages * MESSAGE_BYTES; left > 0;) {
        const part = await member.read(left);
        left -= part.length;
        await Promise.all(members.map((each) => each.write(part)));
      }
    });
  }
  await listener.close();
}

async function take(member: Member, bytes: number): Promise<void> {
  for (let left = bytes; left > 0;) {
    const { length } = await member.read(left);
    if (length === 0) throw new Error(`Cannot go on chatting: ${left} bytes never came`);
    left -= length;
  }
}

/** A member's life: says so many things, hears all that is said, and leaves. */
async function chat(io: NetworkRuntime, from: string, messages: number): Promise<void> {
  const member = await io.connect({ from, host: SERVER, port: PORT });
  const all = take(member, messages * HOSTS.length * MESSAGE_BYTES);
  const message = new Uint8Array(new ArrayBuffer(MESSAGE_BYTES)).fill(0x41);
  for (let i = 0; i < messages; i++) {
    const pauseMs = PAUSE_MS_MIN + io.random.unit() * 2 * (PAUSE_MS - PAUSE_MS_MIN);
    await io.sleep(Math.round(pauseMs * NS_PER_MS));
    await member.write(message);
  }
  await all;
  await member.close();
}

export default async function open(): Promise<Subject> {
  const io = await startNetwork({ hosts: HOSTS, otherLinks: LINK });
  const work = {
    batch: PAUSE_MS,
    run: (operations: number) =>
      io.run(async () => {
        const messages = operations / PAUSE_MS;
        io.spawn(() => serve(io, messages));
        await Promise.all(HOSTS.map((host) => chat(io, host, messages)));
      }),
    close: () => io.close(),
  };
  return timed(work, { steps: false });
}
