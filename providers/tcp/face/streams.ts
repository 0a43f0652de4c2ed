/** A connection as WHATWG streams, whose backpressure is that of its reads and writes. */
import type { Connection, Writable } from "./connection.ts";

/**
 * Both halves of a connection. The readable half reads only when somebody pulls; the writable half
 * takes the next chunk when the one before was handed over. Closing the writable half is the
 * half-close, aborting it resets; cancelling the readable half closes the connection.
 */
export function streamsOf(connection: Connection): {
  readable: ReadableStream<Uint8Array>;
  writable: WritableStream<Writable>;
} {
  const readable = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await connection.read();
        if (chunk.length === 0) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => connection.close(),
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream<Writable>({
    async write(chunk) {
      await connection.write(chunk);
    },
    close: () => connection.end(),
    abort: () => connection.abort(),
  });
  return { readable, writable };
}
