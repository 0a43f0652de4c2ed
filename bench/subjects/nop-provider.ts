/** `nop`: the null provider of the benchmarks, one io_uring NOP an operation. */
import { NO_OPTIONS, OPCODE, defineProvider, layer, struct } from "../../core/provider/index.ts";

const nopLayer = layer({
  name: "nop.nop",
  frame: struct({}),
  wait: (_frame, cx) => cx.ring.nop(),
  complete: (_frame, cx, result) => (result < 0 ? cx.fail(-result) : cx.done(0)),
});

export const nop = defineProvider({
  kind: "nop",
  version: "1.0.0",
  stateVersion: 1,
  summary: "Does nothing, through the kernel",
  options: NO_OPTIONS,
  operations: { nop: { direction: "none", summary: "Does nothing, through the kernel" } },
  ends: { main: { operations: ["nop"] } },
  capabilities: { shortTransfers: false, cancel: false, restore: [] },
  opcodes: [OPCODE.NOP],
  uring: () => ({ operations: { nop: nopLayer }, open() {}, release() {} }),
});
