/** Choosing a backend: the order, the reasons, and what is said when nothing is left. */
import { expect, test } from "bun:test";

import { ERRNO, isReelError } from "../errors.ts";
import type { ReelError } from "../errors.ts";
import type { Backend } from "./contract.ts";
import { OPCODE } from "./contract.ts";
import { selectBackend, selectBackendBlocking, sureCandidate, uringCandidate } from "./select.ts";
import type { BackendCandidate, Rejection, SelectOptions } from "./select.ts";
import type { UringOptions } from "./uring/options.ts";
import { ringTest } from "./uring/ring.fixture.ts";

/** Stands for a backend that needs nothing of the host. */
const spare = { kind: "emulated", close() {} } as unknown as Backend;
const emulated = sureCandidate("emulated", () => spare);

function options(uring: UringOptions, more: Partial<SelectOptions> = {}): SelectOptions {
  return { want: "auto", opcodes: [], candidates: [uringCandidate(uring), emulated], ...more };
}

/** Both ways of choosing: they must not differ in anything but whether they wait. */
const BOTH = [
  ["selectBackend()", selectBackend],
  ["selectBackendBlocking()", async (wanted: SelectOptions) => selectBackendBlocking(wanted)],
] as const;

ringTest.each(BOTH)("%s takes the first candidate that is whole", async (_name, select) => {
  const { chosen, rejected } = await select(options({}, { opcodes: [OPCODE.READ] }));
  expect(chosen.kind).toBe("uring");
  expect(rejected).toEqual([]);
  chosen.close();
});

test.each(BOTH)(
  "%s takes the next and says why, when a ring cannot open",
  async (_name, select) => {
    for (const code of ["ENOSYS", "EPERM", "ENOMEM"] as const) {
      const { chosen, rejected } = await select(options({ faults: { setupErrno: ERRNO[code] } }));
      expect(chosen).toBe(spare);
      expect(rejected).toHaveLength(1);
      expect(rejected[0]).toMatchObject({ name: "uring", code });
      expect(rejected[0]!.reason).toContain(`io_uring_setup gave ${code}`);
      expect(rejected[0]!.mend).toContain("or choose the emulated backend");
    }
  },
);

ringTest.each(BOTH)("%s takes the next when an opcode is missing", async (_name, select) => {
  const opcodes = [OPCODE.NOP, OPCODE.ACCEPT];
  const masked = options({ faults: { maskOpcodes: [OPCODE.ACCEPT] } }, { opcodes });
  const { chosen, rejected } = await select(masked);
  expect(chosen).toBe(spare);
  expect(rejected[0]).toMatchObject({ name: "uring", code: "EOPNOTSUPP" });
  expect(rejected[0]!.reason).toContain("the opcodes ACCEPT");
  // The same ring is good enough for a program that does not need it.
  const enough = await select({ ...masked, opcodes: [OPCODE.NOP] });
  expect(enough.chosen.kind).toBe("uring");
  enough.chosen.close();
});

test.each(BOTH)(
  "%s fails with the reason when what was insisted on is missing",
  async (_n, select) => {
    const wanted = options({ faults: { setupErrno: ERRNO.ENOSYS } }, { want: "uring" });
    const error = await select(wanted).catch((thrown: unknown) => thrown);
    expect(isReelError(error, "ERR_BACKEND_UNAVAILABLE")).toBe(true);
    const { message, mend, details } = error as ReelError;
    expect(message).toContain(
      'Cannot start on the backend "uring": uring: Cannot open the io_uring',
    );
    expect(mend).toContain("seccomp profile");
    expect((details["rejected"] as Rejection[])[0]).toMatchObject({
      name: "uring",
      code: "ENOSYS",
    });
  },
);

test.each(BOTH)("%s opens nothing but what was asked for", async (_name, select) => {
  const never: BackendCandidate = {
    name: "uring",
    open: () => expect.unreachable(),
    openBlocking: () => expect.unreachable(),
  };
  const { chosen, rejected } = await select({
    want: "emulated",
    opcodes: [],
    candidates: [never, emulated],
  });
  expect([chosen, rejected]).toEqual([spare, []]);
  const nobody = await select({ want: "uring", opcodes: [], candidates: [emulated] }).catch(
    (thrown: unknown) => thrown,
  );
  expect(String(nobody)).toContain("there is no such candidate");
});

test.each(BOTH)(
  "%s lets defects pass instead of taking them for absence",
  async (_name, select) => {
    const broken = sureCandidate("uring", () => {
      throw new RangeError("entries must be a whole number");
    });
    const openBroken: BackendCandidate = {
      ...broken,
      open: async () => broken.openBlocking(NEEDS),
    };
    const error = await select({
      want: "auto",
      opcodes: [],
      candidates: [openBroken, emulated],
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RangeError);
  },
);

const NEEDS = { opcodes: [], insisted: false };

ringTest("selectBackend() leaves a deaf event loop to those who insist on io_uring", async () => {
  const deaf: UringOptions = { selfTestMs: 10, faults: { eventfdSelfTest: "fail" } };
  const { chosen, rejected } = await selectBackend(options(deaf));
  expect(chosen).toBe(spare);
  expect(rejected[0]).toMatchObject({ name: "uring", code: "ERR_TIMEOUT" });
  const insisted = await selectBackend(options(deaf, { want: "uring" }));
  expect(insisted.chosen.kind).toBe("uring");
  insisted.chosen.close();
  // A program that owns its thread does not need the event loop to hear.
  const blocking = selectBackendBlocking(options(deaf));
  expect(blocking.chosen.kind).toBe("uring");
  blocking.chosen.close();
});
