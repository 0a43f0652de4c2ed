/** Settings of providers: their check, their defaults, and that a replay has them again. */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isReelError } from "../errors.ts";
import { defineProvider, t, type Provider } from "../provider/index.ts";
import { openRecording } from "../session/recording.ts";
import { makeNet } from "./net.fixture.ts";
import type { RuntimeOptions } from "./options.ts";
import { replayRuntime, startRuntime } from "./start.ts";

const folder = mkdtempSync(join(tmpdir(), "ioreel-settings-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function settingsWith(settings?: RuntimeOptions["settings"]): Promise<unknown> {
  const { provider, log } = makeNet();
  const chosen = settings === undefined ? {} : { settings };
  const io = await startRuntime({ backend: "emulated", seed: 1, providers: [provider], ...chosen });
  await io.close();
  return log.settings;
}

describe("settings", () => {
  test("reach the driver, with the defaults of what was left out", async () => {
    expect(await settingsWith()).toEqual({ hosts: 3, name: "lan" });
    expect(await settingsWith({ net: { hosts: 9 } })).toEqual({ hosts: 9, name: "lan" });
  });

  test("are refused before anything starts: unknown, wrong, or of a provider without", async () => {
    const plain = { ...makeNet().provider, kind: "plain", settings: undefined };
    const wrong: [unknown, string][] = [
      [{ nat: {} }, "settings of nat: there is no provider; those with: net"],
      [{ plain: {} }, "settings of plain: it has none"],
      [{ net: { hosts: 0 } }, "Cannot start: hosts: expected integer to be greater or equal to 1"],
      [{ net: { host: 1 } }, "host: there is no such option, found 1"],
      [{ net: 5 }, "settings must be an object of objects"],
      [7, "settings must be an object of objects"],
    ];
    for (const [settings, text] of wrong) {
      const { log, provider } = makeNet();
      const providers = [provider, plain] as unknown as Provider[];
      const options = { backend: "emulated", providers, settings } as unknown as RuntimeOptions;
      const error = await startRuntime(options).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(text);
      expect(log.settings).toBeUndefined();
    }
  });

  test("are part of a recording, and a replay starts with those", async () => {
    const record = join(folder, "net.reel");
    const first = makeNet();
    const settings = { net: { name: "attic" } };
    const options = { backend: "emulated", seed: 1, record, settings } as const;
    const program = async (io: { dial(): Promise<number>; run<T>(main: () => T): unknown }) =>
      io.run(() => io.dial());
    const io = await startRuntime({ ...options, providers: [first.provider] });
    await program(io);
    await io.close();
    using recording = openRecording(record);
    const config = { hosts: 3, name: "attic" };
    expect(recording.info.providers.map((each) => each.config)).toEqual([config]);
    const again = makeNet();
    const replay = replayRuntime(recording, [again.provider]);
    await program(replay);
    await replay.close();
    expect([again.log.settings, replay.session!.identical]).toEqual([config, true]);
    // A provider that takes others now cannot have made it.
    const other = defineProvider({
      ...makeNet().provider,
      settings: t.Object({ name: t.Integer() }),
    } as never);
    try {
      replayRuntime(recording, [other as unknown as Provider]);
      expect.unreachable();
    } catch (error) {
      expect(isReelError(error, "ERR_INCOMPATIBLE_RECORDING")).toBe(true);
    }
  });

  test("are what a snapshot was taken with, or it is refused", async () => {
    const started = (hosts: number) =>
      startRuntime({
        backend: "emulated",
        seed: 1,
        providers: [makeNet().provider],
        settings: { net: { hosts } },
      });
    const [here, same, other] = [await started(3), await started(3), await started(4)];
    await here.dial();
    const saved = here.snapshot();
    expect(() => other.restore(saved)).toThrow("settings of net must be");
    expect(same.restore(saved).length).toBe(1);
    for (const io of [here, same, other]) await io.close();
  });
});
