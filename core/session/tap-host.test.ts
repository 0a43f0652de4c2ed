/** Host calls: recorded with their answers, answered from the recording, never made by a replay. */
import { describe, expect, test } from "bun:test";
import type { HostCalls } from "../backend/contract.ts";
import { ReelError } from "../errors.ts";
import { DivergenceError } from "./divergence.ts";
import type { Recorded } from "./judge.ts";
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
  bind: () => {},
  listen: () => {},
  setSocketOption: () => {},
  socketName: () => held,
  adopt: () => 9,
  unlink: () => {},
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
  ];
}

const WANTED = ["[5,6]", "7", "ENOENT", "010203", "EAGAIN", "null", "EBADF"];

describe("ReplayHost", () => {
  test("gives every answer and every failure that was recorded", () => {
    let answers: string[] = [];
    const recorded = recordCalls((host) => {
      answers = everyCall(host);
    });
    expect(answers).toEqual(WANTED);
    const verifier = new Verifier(recorded);
    expect(everyCall(new ReplayHost(verifier))).toEqual(WANTED);
    expect(verifier.events).toBe(7);
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

  test("refuses an answer that no such call can have given", () => {
    const pipe = { kind: "host", call: 1, args: [1], results: [0, 3], bytes: undefined } as const;
    const host = new ReplayHost(new Verifier(recordedOf([pipe])));
    expect(refusal(() => host.pipe(1)).code).toBe("ERR_CORRUPT_RECORDING");
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
