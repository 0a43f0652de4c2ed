/**
 * `bun scripts/soak-corruption.ts [ROUNDS] [SEED]`: damages recordings at random, by default
 * 100,000 times, and fails at the first damage that was taken for sound. The damaged file stays.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../core/random.ts";
import * as damages from "../core/session/damage.fixture.ts";

const ROUNDS = 100_000;
const AT_ONCE = 100;
const [rounds, seed] = [Number(process.argv[2] ?? ROUNDS), Number(process.argv[3] ?? 1)];
const folder = mkdtempSync(join(tmpdir(), "ioreel-soak-"));
const { cutAtPage, cutOff, damageRows, flip, flipHead, foreignPage, overwrite, swapPages } =
  damages;

/** A small recording, a longer one, and one with something in every table. */
const paths = [60, 1500, 5000].map((turns) => {
  const path = join(folder, `whole-${turns}.reel`);
  damages.recordAllTables(path, seed + turns, turns);
  return path;
});
const other = new Uint8Array(readFileSync(paths[1]!));
const kinds = { flip, flipHead, cutOff, cutAtPage, overwrite, swapPages, damageRows };
const list = Object.entries({ ...kinds, foreignPage: foreignPage(other) });
const random = new Random(seed);
const counts = new Map<string, damages.Outcome>();

for (let done = 0; done < rounds; done += AT_ONCE) {
  // The small one has one segment, which cannot change places with another.
  const [name, damage] = list[random.below(list.length)]!;
  const path = name === "damageRows" ? paths[2]! : paths[random.below(paths.length)]!;
  const copy = join(folder, "damaged.reel");
  const outcome = damages.judgeDamage(path, copy, AT_ONCE, random, damage);
  const sum = counts.get(name) ?? { refused: 0, harmless: 0 };
  sum.refused += outcome.refused;
  sum.harmless += outcome.harmless;
  counts.set(name, sum);
}
for (const [name, { harmless, refused }] of counts) {
  console.log(`${name.padEnd(12)} ${refused} refused, ${harmless} harmless`);
}
rmSync(folder, { recursive: true, force: true });
