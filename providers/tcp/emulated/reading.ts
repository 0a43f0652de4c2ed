/** `read` on the emulated network: takes what the transport has received, or waits for it. */
import { layer, struct, u53, type LayerContext } from "../../../core/provider/index.ts";
import { timedOut } from "../waiting.ts";
import {
  AT_END,
  readAddress,
  readable,
  reportFailure,
  straightBytes,
  take,
} from "../transport/calls.ts";
import { wrongRole, type Sockets } from "./sockets.ts";

export function reading(sockets: Sockets) {
  const { transport } = sockets;
  const { u8 } = transport.memory;
  /** For bytes that lie around the end of a ring. */
  let joined = new Uint8Array(0);

  function bring(run: LayerContext, connection: number, count: number): void {
    const address = readAddress(transport, connection);
    const straight = straightBytes(transport, connection);
    if (count <= straight) {
      run.bring(u8, address, count);
      return;
    }
    if (joined.length < count) joined = new Uint8Array(new ArrayBuffer(count));
    joined.set(u8.subarray(address, address + straight));
    // The ring begins where its last byte is followed by the first.
    const begin = readAddress(transport, connection, straight);
    joined.set(u8.subarray(begin, begin + count - straight), straight);
    run.bring(joined, 0, count);
  }

  return layer({
    name: "tcp.read",
    frame: struct({ deadlineNs: u53 }),
    wait(frame, run) {
      const socket = sockets.at(run.resource);
      const refused = wrongRole(socket);
      if (refused !== 0) return run.ready(refused);
      if (run.length === 0 || readable(transport, socket.connection) !== 0) return run.ready();
      if (frame.deadlineNs === 0) {
        const timeoutNs = run.argument > 0 ? run.argument : socket.readTimeoutNs;
        if (timeoutNs > 0) frame.deadlineNs = run.now() + timeoutNs;
      }
      return sockets.await(run, socket.events, frame.deadlineNs);
    },
    complete(_frame, run, result) {
      if (result < 0) return run.fail(timedOut(result));
      if (run.length === 0) return run.done(0);
      const { connection } = sockets.at(run.resource);
      const count = readable(transport, connection);
      if (count === 0) return run.again();
      if (count === AT_END) return run.done(0);
      if (count < 0) {
        reportFailure(transport, connection);
        return run.fail(-count);
      }
      const taken = Math.min(count, run.length);
      bring(run, connection, taken);
      take(transport, connection, taken);
      return run.done(0);
    },
  });
}
