/**
 * `tcp`: streams of bytes between hosts, for clients and servers. On io_uring they are the kernel's
 * sockets (TCP over IPv4 and IPv6, and Unix-domain ones); on the emulated backend a stream
 * transport over a network device.
 *
 * References: [RFC 9293] Transmission Control Protocol; [tcp7], [unix7], [socket7] Linux manual
 * pages.
 */
import { OPCODE, defineProvider, t } from "../../core/provider/index.ts";
import { emulatedTcp } from "./emulated.ts";
import { tcpFace } from "./face/face.ts";
import { networkSettings } from "./network/settings.ts";
import { tcpOptions } from "./options.ts";
import { uringTcp } from "./uring.ts";

const settings = t.Object(
  {
    receiveBuffers: t.Integer({
      description: "Buffers into which the kernel receives, for all connections; a power of two",
      minimum: 8,
      maximum: 32768,
      default: 1024,
    }),
    receiveBufferBytes: t.Integer({
      description: "Bytes of each of them",
      minimum: 1024,
      maximum: 1 << 20,
      default: 1 << 16,
    }),
    ...networkSettings,
  },
  { additionalProperties: false },
);

export const tcp = defineProvider({
  kind: "tcp",
  version: "0.1.0",
  stateVersion: 1,
  summary: "Streams of bytes between hosts: servers and clients, TCP and Unix-domain",
  options: tcpOptions,
  settings,
  operations: {
    accept: {
      direction: "none",
      summary: "Waits for the next connection; the result is the handle of its end",
    },
    read: {
      direction: "read",
      summary: "Takes bytes that the peer sent; nothing at the end of the stream",
      argument: "nanoseconds after which it fails with ETIMEDOUT; 0: as the connection was opened",
      unbuffered: true,
    },
    write: {
      direction: "write",
      summary: "Sends all of its bytes, behind the writes before it",
      argument: "1 when more follows at once, so that packets are filled",
    },
    end: { direction: "none", summary: "Says that no more will be sent (FIN)" },
    abort: { direction: "none", summary: "Makes closing reset the connection (RST)" },
    name: {
      direction: "read",
      summary: "Its address as text: family, host and port, or a path",
      argument: "0 for its own address, 1 for its peer's",
    },
  },
  ends: { main: { operations: ["accept", "read", "write", "end", "abort", "name"] } },
  capabilities: { shortTransfers: true, cancel: true, restore: ["emulated"] },
  resourcesMax: 32768,
  opcodes: [OPCODE.ACCEPT, OPCODE.CONNECT, OPCODE.RECV, OPCODE.SEND, OPCODE.SHUTDOWN],
  uring: uringTcp,
  emulated: emulatedTcp,
  face: tcpFace,
});
