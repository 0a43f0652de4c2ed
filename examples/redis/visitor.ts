/**
 * Clients of the server inside its own program: they count together, push and pop, and wait for
 * keys to expire, and look at every reply.
 */
import { ReelError, ms, type Runtime } from "ioreel";
import { RedisClient, ReplyError, type Reply } from "./client.ts";

const CLIENTS = 8;
const ROUNDS = 50;

/**
 * Talks to the server on a port.
 * @returns how many commands were sent
 * @throws {ReelError} ERR_EXPECTATION for the first reply that is not as it should be
 */
export async function visit(io: Runtime, port: number): Promise<number> {
  let commands = 0;
  const bodies = Array.from({ length: CLIENTS }, (_, number) => async () => {
    await using connection = await io.connect(port);
    const client = new RedisClient(connection);
    const expect = async (words: string, wanted: Reply): Promise<void> => {
      commands++;
      const [found] = await client.send(words.split(" "));
      if (Bun.deepEquals(found, wanted)) return;
      const message = `${words} was answered with ${Bun.inspect(found)}`;
      throw new ReelError("ERR_EXPECTATION", `${message}, wanted ${Bun.inspect(wanted)}`);
    };
    await expect(`SET key:${number} value-${number}`, "OK");
    const counting = Array.from({ length: ROUNDS }, () => ["INCR", "counter"]);
    commands += counting.length;
    await client.send(...counting);
    await expect(`RPUSH list:${number} a b c`, 3);
    await expect(`LRANGE list:${number} -2 -1`, ["b", "c"]);
    await expect(`LPOP list:${number}`, "a");
    await expect(`HSET hash:${number} field 1 other 2`, 2);
    await expect(`HGETALL hash:${number}`, ["field", "1", "other", "2"]);
    await expect(`GET key:${number}`, `value-${number}`);
    const wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value";
    await expect(`GET list:${number}`, new ReplyError(wrongType));
    // However slow the machine: nobody asks for the value before its time is up.
    await expect(`SET key:${number} value-${number} PX 40`, "OK");
    await io.sleep(ms(50));
    await expect(`GET key:${number}`, null);
    await expect(`TTL key:${number}`, -2);
    await connection.end();
  });
  await io.all(bodies);
  await using connection = await io.connect(port);
  const [total] = await new RedisClient(connection).send(["GET", "counter"]);
  if (total !== String(CLIENTS * ROUNDS)) {
    throw new ReelError("ERR_EXPECTATION", `The counter is ${Bun.inspect(total)}`);
  }
  return commands;
}
