/** `twophase`: an operation whose layer goes through two ring requests, one after the other. */
import {
  NO_OPTIONS,
  OPCODE,
  bool,
  defineProvider,
  layer,
  struct,
} from "../../core/provider/index.ts";

const twoPhases = layer({
  name: "twophase.go",
  frame: struct({ second: bool }),
  wait: (_frame, cx) => cx.ring.nop(),
  complete(frame, cx, result) {
    if (result < 0) return cx.fail(-result);
    if (frame.second) return cx.done(0);
    frame.second = true;
    return cx.again();
  },
});

export const twophase = defineProvider({
  kind: "twophase",
  version: "1.0.0",
  stateVersion: 1,
  summary: "Two NOPs an operation",
  options: NO_OPTIONS,
  operations: { go: { direction: "none", summary: "Two NOPs, one after the other" } },
  ends: { main: { operations: ["go"] } },
  capabilities: { shortTransfers: false, cancel: false, restore: [] },
  opcodes: [OPCODE.NOP],
  uring: () => ({ operations: { go: twoPhases }, open() {}, release() {} }),
});
