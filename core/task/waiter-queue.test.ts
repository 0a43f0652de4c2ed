/** Tests of the intrusive queue against a plain list. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { codeOfThrow } from "./codes.fixture.ts";
import { QueueNode, WaiterQueue } from "./waiter-queue.ts";

describe("WaiterQueue", () => {
  test("behaves as a list from which anything can be taken", () => {
    const step = fc.record({
      kind: fc.constantFrom("push" as const, "shift" as const, "remove" as const),
      node: fc.nat(5),
    });
    const property = fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const nodes = Array.from({ length: 6 }, () => new QueueNode());
      const queue = new WaiterQueue<QueueNode>();
      let model: QueueNode[] = [];
      for (const { kind, node: index } of steps) {
        const node = nodes[index]!;
        if (kind === "shift") expect(queue.shift()).toBe(model.shift()!);
        else if (kind === "remove") {
          queue.remove(node);
          model = model.filter((other) => other !== node);
        } else if (model.includes(node)) {
          expect(codeOfThrow(() => queue.push(node))).toBe("ERR_OPERATION_BUSY");
        } else {
          queue.push(node);
          model.push(node);
        }
        expect(queue.size).toBe(model.length);
        expect(queue.first).toBe(model[0]!);
        expect(nodes.filter((other) => other.queue !== undefined).length).toBe(model.length);
      }
    });
    fc.assert(property, { seed: 7, numRuns: 300 });
  });

  test("leaves a node alone that stands in another queue", () => {
    const [here, there] = [new WaiterQueue<QueueNode>(), new WaiterQueue<QueueNode>()];
    const node = new QueueNode();
    here.push(node);
    there.remove(node);
    expect([here.size, there.size]).toEqual([1, 0]);
    expect(here.shift()).toBe(node);
  });
});
