/** A snapshot goes only into a session that was put together like its own. */
import { describe, expect, test } from "bun:test";
import type { EmulatedBackend } from "../backend/emulated/emulated-backend.ts";
import { isReelError } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import { layer, type Layer } from "../provider/layer.ts";
import { u16, u32 } from "../state/fields.ts";
import { struct } from "../state/struct.ts";
import { onMachine, plainLayer, providerOf, type TestEngine } from "./engine.fixture.ts";
import { refusal, unused } from "./restoring.fixture.ts";
import { restoreEngine, snapshotEngine } from "./snapshot.ts";

describe("a session that is put together differently", () => {
  const step = (name: string, frame: object): Provider =>
    providerOf("two", ["read"], () => ({
      operations: {
        read: layer({
          name,
          frame: struct(frame as never),
          wait: (_frame, cx) => cx.after(5),
          complete: (_frame, cx) => cx.done(0),
        }) as unknown as Layer,
      },
    }));

  function snapshotOf(provider: Provider): Uint8Array {
    const t = onMachine([provider]);
    t.start();
    return snapshotEngine(t.engine.state);
  }

  test("is told which layer it lacks, and which frame is another [A2.2]", () => {
    const saved = snapshotOf(step("two.step", { left: u32 }));
    const messages = [step("two.stride", { left: u32 }), step("two.step", { left: u16 })].map(
      (provider) => {
        try {
          restoreEngine(unused([provider]).engine.state, saved);
          return "nothing";
        } catch (error) {
          return isReelError(error, "ERR_STATE_VERSION") ? error.message : String(error);
        }
      },
    );
    expect(messages[0]).toContain("two.step");
    expect(messages[1]).toContain("frame of layer two.step must be left:u16@0: found left:u32@0");
  });

  test("is told which provider, version, limit or backend differs", () => {
    const make = (options: { stateVersion?: number } = {}): Provider =>
      providerOf(
        "two",
        ["read"],
        () => ({
          operations: {
            read: plainLayer(
              "two.read",
              (cx) => cx.after(5),
              (cx) => cx.done(0),
            ),
          },
        }),
        options,
      );
    const other = providerOf("three", ["read"], () => ({
      operations: {
        read: plainLayer(
          "three.read",
          (cx) => cx.after(5),
          (cx) => cx.done(0),
        ),
      },
    }));
    const saved = snapshotOf(make());
    const sessions: [TestEngine<EmulatedBackend>, string][] = [
      [unused([other]), "provider must be three: found two"],
      [unused([make(), other]), "number of providers must be 2: found 1"],
      [unused([make({ stateVersion: 2 })]), "state version of two must be 2: found 1"],
      [unused([make()], { table: { slots: 8 } }), "limits.table.slots must be 8: found 1024"],
    ];
    for (const [t, text] of sessions) {
      expect(() => restoreEngine(t.engine.state, saved)).toThrow(text);
      expect(refusal(t, saved)).toBe("ERR_STATE_VERSION");
    }
  });
});
