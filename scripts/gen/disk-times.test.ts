/** The virtual time of disks is what their specification's numbers say, within 5 %. */
import { expect, test } from "bun:test";
import { diskTimes } from "./disk-times.ts";
import { deviation } from "./disk-timing-page.ts";

test("diskTimes() finds every disk within 5 % of the arithmetic of its specification", async () => {
  const rows = Object.values(await diskTimes()).flat();
  expect(rows.length).toBeGreaterThan(15);
  const off = rows.filter((row) => !(Math.abs(deviation(row)) < 0.05));
  expect(off).toEqual([]);
});
