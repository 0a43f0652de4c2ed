/**
 * What a replay cannot repeat, as a table: where it is found, what it is called, and what to use
 * instead. Everything else about the guard follows from this; so does the page
 * docs/reference/strict.md.
 */
import type { HostFact } from "../session/facts.ts";

/** Objects on which names are trapped, besides the modules that begin with `node:`. */
export const HOLDERS: Readonly<Record<string, () => object>> = {
  globalThis: () => globalThis,
  Math: () => Math,
  Date: () => Date,
  performance: () => performance,
  crypto: () => Crypto.prototype,
  "crypto.subtle": () => SubtleCrypto.prototype,
  process: () => process,
  "process.hrtime": () => process.hrtime,
  Bun: () => Bun,
  "Temporal.Now": () => temporalNow(),
  "Bun.dns": () => Bun.dns,
  "Bun.Glob.prototype": () => Bun.Glob.prototype,
  "Bun.password": () => Bun.password,
  "WeakRef.prototype": () => WeakRef.prototype,
  "FinalizationRegistry.prototype": () => FinalizationRegistry.prototype,
  AbortSignal: () => AbortSignal,
  Atomics: () => Atomics,
};

/** Where the host has it. */
function temporalNow(): object {
  return (globalThis as { Temporal?: { Now: object } }).Temporal?.Now ?? {};
}

export interface TrapGroup {
  /** A key of {@link HOLDERS}, or a module's specifier. */
  readonly on: string;
  /** Names there; `all`: every function of the module that does not begin with a capital. */
  readonly names: readonly string[] | "all";
  /** What to use instead: completes "Use …". */
  readonly use: string;
  /** On io_uring, what its answer is recorded as; absent: it is trapped there too. */
  readonly fact?: HostFact;
}

const TIME = "io.now(), in a provider cx.now()";
const RANDOM = "io.random, in a provider cx.random";
const WAIT = "io.sleep() or io.timeout(), in a provider cx.after()";
const NETWORK = "the tcp provider: io.connect() or io.listen()";
const FILES = "a scenario's inputs, a file or disk provider, in a provider cx.image()";
const PROGRAMS = "a value that the program is given before it starts";
const THREADS = "io.spawn(), or Runtime.pool() outside of the run";
const GARBAGE = "an explicit close() or dispose(): garbage is collected at no fixed time";
const SYNCHRONOUS = "Bun.CryptoHasher or node:crypto's createHash(), which answer at once";

const TIMERS = ["setTimeout", "setInterval", "setImmediate"] as const;
const ENTROPY = [
  "randomFill",
  "randomFillSync",
  "randomInt",
  "generateKey",
  "generateKeySync",
  "generateKeyPair",
  "generateKeyPairSync",
  "generatePrime",
  "generatePrimeSync",
  "createDiffieHellman",
  "createECDH",
] as const;

export const TRAPS: readonly TrapGroup[] = [
  { on: "globalThis", names: ["Date"], use: TIME, fact: "date" },
  { on: "Date", names: ["now"], use: TIME, fact: "wallMs" },
  { on: "performance", names: ["now"], use: TIME, fact: "performanceMs" },
  { on: "performance", names: ["mark", "measure"], use: TIME },
  {
    on: "Temporal.Now",
    names: ["instant", "plainDateISO", "plainDateTimeISO", "plainTimeISO", "zonedDateTimeISO"],
    use: TIME,
  },
  { on: "process", names: ["hrtime"], use: TIME },
  { on: "process.hrtime", names: ["bigint"], use: TIME },
  { on: "process", names: ["uptime", "cpuUsage", "resourceUsage"], use: TIME },
  { on: "process", names: ["memoryUsage"], use: PROGRAMS },
  { on: "Bun", names: ["nanoseconds"], use: TIME, fact: "hostNs" },

  { on: "Math", names: ["random"], use: RANDOM, fact: "random" },
  { on: "crypto", names: ["getRandomValues"], use: RANDOM, fact: "filledBytes" },
  { on: "crypto", names: ["randomUUID"], use: RANDOM, fact: "uuid" },
  { on: "crypto.subtle", names: ["generateKey"], use: RANDOM },
  {
    on: "crypto.subtle",
    names: ["digest", "encrypt", "decrypt", "sign", "verify", "deriveBits", "deriveKey"],
    use: SYNCHRONOUS,
  },
  { on: "Bun", names: ["randomUUIDv7"], use: RANDOM },
  { on: "Bun.password", names: ["hash", "hashSync", "verify"], use: RANDOM },
  { on: "node:crypto", names: ["randomUUID"], use: RANDOM, fact: "uuid" },
  { on: "node:crypto", names: ["randomBytes"], use: RANDOM, fact: "newBytes" },
  { on: "node:crypto", names: ["getRandomValues"], use: RANDOM, fact: "filledBytes" },
  { on: "node:crypto", names: ENTROPY, use: RANDOM },
  { on: "node:crypto", names: ["pbkdf2", "scrypt", "hkdf"], use: SYNCHRONOUS },

  { on: "globalThis", names: TIMERS, use: WAIT },
  { on: "node:timers", names: TIMERS, use: WAIT },
  { on: "node:timers/promises", names: TIMERS, use: WAIT },
  { on: "Bun", names: ["sleep", "sleepSync"], use: WAIT },
  { on: "AbortSignal", names: ["timeout"], use: WAIT },
  { on: "Atomics", names: ["waitAsync"], use: WAIT },

  { on: "globalThis", names: ["fetch", "WebSocket"], use: NETWORK },
  { on: "Bun", names: ["connect", "listen", "serve", "udpSocket"], use: NETWORK },
  { on: "Bun", names: ["RedisClient", "SQL", "S3Client"], use: NETWORK },
  {
    on: "node:net",
    names: ["connect", "createConnection", "createServer", "Socket", "Server"],
    use: NETWORK,
  },
  { on: "node:tls", names: ["connect", "createServer"], use: NETWORK },
  { on: "node:http", names: ["request", "get", "createServer"], use: NETWORK },
  { on: "node:https", names: ["request", "get", "createServer"], use: NETWORK },
  { on: "node:http2", names: ["connect", "createServer", "createSecureServer"], use: NETWORK },
  { on: "node:dgram", names: ["createSocket"], use: NETWORK },
  { on: "node:dns", names: "all", use: NETWORK },
  { on: "node:dns/promises", names: "all", use: NETWORK },
  { on: "node:dns", names: ["Resolver"], use: NETWORK },
  { on: "node:dns/promises", names: ["Resolver"], use: NETWORK },
  { on: "Bun.dns", names: ["lookup", "prefetch"], use: NETWORK },

  { on: "node:fs", names: "all", use: FILES },
  { on: "node:fs/promises", names: "all", use: FILES },
  { on: "node:fs", names: ["ReadStream", "WriteStream"], use: FILES },
  { on: "Bun", names: ["file", "write", "mmap"], use: FILES },
  { on: "Bun.Glob.prototype", names: ["scan", "scanSync"], use: FILES },

  { on: "node:child_process", names: "all", use: PROGRAMS },
  { on: "Bun", names: ["spawn", "spawnSync", "$"], use: PROGRAMS },
  {
    on: "node:os",
    names: ["hostname", "uptime", "freemem", "loadavg", "cpus", "networkInterfaces", "userInfo"],
    use: PROGRAMS,
  },

  { on: "globalThis", names: ["Worker", "BroadcastChannel", "MessageChannel"], use: THREADS },
  { on: "node:worker_threads", names: ["Worker", "MessageChannel"], use: THREADS },
  { on: "WeakRef.prototype", names: ["deref"], use: GARBAGE },
  { on: "FinalizationRegistry.prototype", names: ["register"], use: GARBAGE },
];
