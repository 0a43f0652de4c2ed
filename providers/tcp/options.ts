/** What a `tcp` is opened with, on every backend. */
import { t, type Static } from "../../core/provider/index.ts";

export const PORT_MAX = 65535;
const INBOX_BYTES_MAX = 1 << 26;

const delay = (description: string) => t.Integer({ description, minimum: 0, default: 0 });

/** The options' schema. Roles take the options that concern them and leave the rest alone. */
export const tcpOptions = t.Object(
  {
    role: t.Union(
      [t.Literal("connect"), t.Literal("listen"), t.Literal("adopt"), t.Literal("network")],
      {
        description:
          "connect to a server, listen for clients, adopt an inherited descriptor, or control " +
          "the emulated network",
        default: "connect",
      },
    ),
    host: t.String({
      description: "A name or an address: where to connect to or to listen on",
      maxLength: 253,
      default: "127.0.0.1",
    }),
    port: t.Integer({
      description: "The port; a listener with 0 is given a free one",
      minimum: 0,
      maximum: PORT_MAX,
      default: 0,
    }),
    path: t.String({
      description: "A Unix-domain socket's path, in place of host and port",
      // sun_path of sockaddr_un has 108 bytes with its NUL (unix(7)).
      maxLength: 107,
      default: "",
    }),
    from: t.String({
      description: "The local address to connect from; on the emulated network also a host's name",
      maxLength: 253,
      default: "",
    }),
    fd: t.Integer({ description: "The descriptor to adopt", minimum: -1, default: -1 }),
    listening: t.Boolean({ description: "Whether what is adopted is a listener", default: false }),
    backlog: t.Integer({
      description: "Connections that may wait to be accepted",
      minimum: 1,
      maximum: 65535,
      default: 511,
    }),
    reusePort: t.Boolean({
      description: "Whether several listeners share the port (SO_REUSEPORT)",
      default: false,
    }),
    noDelay: t.Boolean({
      description: "Whether small writes are sent at once (TCP_NODELAY)",
      default: true,
    }),
    keepAlive: t.Boolean({
      description: "Whether an idle peer is probed (SO_KEEPALIVE)",
      default: false,
    }),
    keepAliveDelayNs: delay("Idle time before the first probe; 0 leaves it to the system"),
    connectTimeoutNs: delay("Patience with a connection attempt; 0 leaves it to the system"),
    readTimeoutNs: delay("A read that gets nothing for so long fails with ETIMEDOUT; 0 never does"),
    writeTimeoutNs: delay("A write that is not over after so long fails with ETIMEDOUT"),
    inboxBytes: t.Integer({
      description: "Bytes received and not yet read, after which receiving pauses",
      minimum: 1024,
      maximum: INBOX_BYTES_MAX,
      default: 1 << 18,
    }),
    zeroCopyFromBytes: t.Integer({
      description: "Writes from this size on are sent without a copy (SEND_ZC); 0 for none",
      minimum: 0,
      default: 0,
    }),
  },
  { additionalProperties: false },
);

export type TcpOptions = Static<typeof tcpOptions>;

/** Number of each operation's own argument. */
export const WRITE_MORE = 1;
export const NAME_LOCAL = 0;
export const NAME_PEER = 1;

/**
 * Bytes of writes that wait for their turn on one connection: a program that awaits its writes
 * never comes near, and one that does not is refused (ERR_LIMIT) before it fills memory.
 */
export const WAITING_BYTES_MAX = 1 << 20;

/** Room for the text of a socket's name: family, address or path, port. */
export const NAME_BYTES_MAX = 160;
