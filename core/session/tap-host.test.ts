/** Host calls: recorded with their answers, answered from the recording, never made by a replay. */
import { describe, expect, test } from "bun:test";
import type { HostCalls } from "../backend/contract.ts";
import { ReelError } from "../errors.ts";
import { DivergenceError } from "./divergence.ts";
import type { Recorded } from "./recorded.ts";
import { Recorder } from "./recorder.ts";
import { ReplayHost } from "./replay-host.ts";
import { MemorySegments } from "./segment.ts";
import { recordedOf, refusal } from "./session.fixture.ts";
import { TapHost } from "./tap-host.ts";
import { Verifier } from "./verifier.ts";

const held = new Uint8Array([1, 2, 3]);
const HOST: HostCalls = {
  pipe: () => [5, 6],
  close: (file) => {
    if (file === 99) throw new ReelError("EBADF", "Cannot close file 99: EBADF");
  },
  open: (path) => {
    if (path.startsWith("/secret/alice/")) return 7;
    throw new ReelError("ENOENT", `Cannot open ${path}: ENOENT`);
  },
  peekPipe: () => held,
  write: () => {
    throw new ReelError("EAGAIN", "Cannot write at once: EAGAIN");
  },
  socket: () => 8,
  bind: (_file, address) => {
    if (address[0] === 1) throw new ReelError("EADDRINUSE", "Cannot bind /alice: EADDRINUSE");
  },
  listen: () => {},
  setSocketOption: () => {},
  socketName: (_file, peer) => {
    if (peer) throw new ReelError("ENOTCONN", "Cannot name the peer: ENOTCONN");
    return new Uint8Array([2, 0, 31, 144]);
  },
  adopt: () => 9,
  unlink: () => {},
  fileStatus: () => ({ sizeBytes: 4096, kind: "block device", directBytes: 512 }),
  resize: (_file, sizeBytes) => {
    if (sizeBytes > 2 ** 40) throw new ReelError("EFBIG", "Cannot resize file 7: EFBIG");
  },
  lockFile: (_file, exclusive) => {
    if (exclusive) throw new ReelError("EBUSY", "Cannot lock file 7: EBUSY");
  },
  keepAtHand: () => ({ file: true, memory: false }),
};

function recordCalls(calls: (host: HostCalls) => void): Recorded & { source: MemorySegments } {
  const source = new MemorySegments();
  const recorder = new Recorder(source);
  calls(new TapHost(HOST, recorder));
  recorder.flush();
  const extent = { eventCount: recorder.events, digest: source.digest };
  return { source, ...extent, complete: true, providerKinds: [] };
}

/** Every call once, its outcome as text. */
function everyCall(host: HostCalls): string[] {
  const outcome = (call: () => unknown): string => {
    try {
      const value = call();
      return value instanceof Uint8Array ? value.toHex() : JSON.stringify(value ?? null);
    } catch (error) {
      return (error as ReelError).code;
    }
  };
  return [
    outcome(() => host.pipe(4096)),
    outcome(() => host.open("/secret/alice/data", 2, 0o644)),
    outcome(() => host.open("/nowhere", 0, 0)),
    outcome(() => host.peekPipe(5)),
    outcome(() => host.write(6, held)),
    outcome(() => host.close(7)),
    outcome(() => host.close(99)),
    outcome(() => host.socket(2, 1, 0)),
    outcome(() => host.setSocketOption(8, 1, 2, new Uint8Array([1, 0, 0, 0]))),
    outcome(() => host.bind(8, new Uint8Array([2, 0, 31, 144]))),
    outcome(() => host.bind(9, new Uint8Array([1, 0, 47, 97, 108, 105, 99, 101]))),
    outcome(() => host.listen(8, 511)),
    outcome(() => host.socketName(8, false)),
    outcome(() => host.socketName(8, true)),
    outcome(() => host.adopt(17)),
    outcome(() => host.unlink("/secret/alice/socket")),
    outcome(() => host.fileStatus(7)),
    outcome(() => host.resize(7, 4096)),
    outcome(() => host.resize(7, 2 ** 50)),
    outcome(() => host.lockFile(7, false)),
    outcome(() => host.lockFile(7, true)),
    outcome(() => host.keepAtHand(7)),
  ];
}

const PIPES = ["[5,6]", "7", "ENOENT", "010203", "EAGAIN", "null", "EBADF"];
const SOCKETS = ["8", "null", "null", "EADDRINUSE", "null", "02001f90", "ENOTCONN", "9", "null"];
const STATUS = '{"sizeBytes":4096,"kind":"block device","directBytes":512}';
const FILES = [STATUS, "null", "EFBIG", "null", "EBUSY", '{"file":true,"memory":false}'];
const WANTED = [...PIPES, ...SOCKETS, ...FILES];

describe("ReplayHost", () => {
  test("gives every answer and every failure that was recorded", () => {
    let answers: string[] = [];
    const recorded = recordCalls((host) => {
      answers = everyCall(host);
    });
    expect(answers).toEqual(WANTED);
    const verifier = new Verifier(recorded);
    expect(everyCall(new ReplayHost(verifier))).toEqual(WANTED);
    expect(verifier.events).toBe(WANTED.length);
  });

  test("ends the replay when a call has other arguments, or is another call", () => {
    const recorded = recordCalls((host) => host.pipe(4096));
    const report = (call: (host: HostCalls) => void): unknown => {
      try {
        call(new ReplayHost(new Verifier(recorded)));
      } catch (error) {
        if (error instanceof DivergenceError) return error.report;
        throw error;
      }
      return undefined;
    };
    expect(report((host) => host.pipe(8192))).toMatchObject({
      difference: "arguments",
      field: "args",
      recorded: "[4096]",
      actual: "[8192]",
    });
    expect(report((host) => host.close(4))).toMatchObject({ difference: "operation" });
  });

  const bytes = new Uint8Array([2, 0, 31, 144]);
  const other = new Uint8Array([2, 0, 31, 145]);
  const CASES: [string, (host: HostCalls) => unknown, (host: HostCalls) => unknown][] = [
    ["socket", (host) => host.socket(2, 1, 0), (host) => host.socket(10, 1, 0)],
    ["bind", (host) => host.bind(8, bytes), (host) => host.bind(8, other)],
    ["listen", (host) => host.listen(8, 5), (host) => host.listen(8, 6)],
    [
      "setSocketOption",
      (host) => host.setSocketOption(8, 1, 2, bytes),
      (host) => host.setSocketOption(8, 1, 2, other),
    ],
    ["socketName", (host) => host.socketName(8, false), (host) => host.socketName(8, true)],
    ["fileStatus", (host) => host.fileStatus(7), (host) => host.fileStatus(8)],
    ["resize", (host) => host.resize(7, 1), (host) => host.resize(7, 2)],
    ["lockFile", (host) => host.lockFile(7, false), (host) => host.lockFile(8, false)],
    ["keepAtHand", (host) => host.keepAtHand(7), (host) => host.keepAtHand(8)],
  ];
  for (const [name, recordedCall, call] of CASES) {
    test(`${name}() ends the replay when it is called with anything else`, () => {
      const verifier = new Verifier(recordCalls(recordedCall));
      expect(() => call(new ReplayHost(verifier))).toThrow(DivergenceError);
      expect(verifier.failure?.report).toMatchObject({ difference: "arguments", field: "args" });
    });
  }

  test("leaves paths and inherited descriptors to the host of the replay", () => {
    const unix = (path: string): Uint8Array => new TextEncoder().encode(`\x01\0${path}\0`);
    const recorded = recordCalls((host) => [host.adopt(17), host.unlink("/a")]);
    const host = new ReplayHost(new Verifier(recorded));
    expect([host.adopt(3), host.unlink("/elsewhere")]).toEqual([9, undefined]);
    const bound = recordCalls((tapped) => refusal(() => tapped.bind(9, unix("/run/a.sock"))));
    const again = new ReplayHost(new Verifier(bound));
    expect(refusal(() => again.bind(9, unix("/tmp/elsewhere.sock"))).code).toBe("EADDRINUSE");
  });

  test("refuses an answer that no such call can have given", () => {
    const pipe = { kind: "host", call: 1, args: [1], results: [0, 3], bytes: undefined } as const;
    const host = new ReplayHost(new Verifier(recordedOf([pipe])));
    expect(refusal(() => host.pipe(1)).code).toBe("ERR_CORRUPT_RECORDING");
    const status = { ...pipe, call: 18, results: [0, 4096, 9, 512] };
    const files = new ReplayHost(new Verifier(recordedOf([status])));
    expect(refusal(() => files.fileStatus(1)).code).toBe("ERR_CORRUPT_RECORDING");
  });
});

describe("TapHost", () => {
  test("keeps paths and the texts of errors out of the session", () => {
    const recorded = recordCalls((host) => everyCall(host));
    const bytes = Buffer.from(recorded.source.segments[0]!.bytes).toString("latin1");
    expect(bytes).not.toContain("alice");
    expect(bytes).not.toContain("Cannot");
  });

  test("lets wrong arguments pass unrecorded: they never reached the host", () => {
    const source = new MemorySegments();
    const recorder = new Recorder(source);
    const wrong: HostCalls = {
      ...HOST,
      pipe: () => {
        throw new RangeError("capacityBytes");
      },
    };
    expect(() => new TapHost(wrong, recorder).pipe(-1)).toThrow(RangeError);
    expect(recorder.events).toBe(0);
  });
});
