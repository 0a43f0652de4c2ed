/**
 * `bun scripts/soak-pokes.ts [count] [seed]`: so many random register accesses (1,000,000) for each
 * disk controller, with time passing, resets and bad memory in between. None of them may throw,
 * hang, leave its medium or move data outside memory, and each must work after a reset. The tests
 * do the same, less often.
 */
import { hostMonotonicNs } from "../core/clock.ts";
import { Random } from "../core/random.ts";
import { ideAccesses, IdeVictim } from "../providers/ata/pokes.fixture.ts";
import { floppyAccesses, FloppyVictim } from "../providers/fdd/pokes.fixture.ts";
import { expectUsable, Vandal } from "../providers/sata/pokes.fixture.ts";

/** Accesses of one controller, before the next is taken. */
const ROUND = 5000;

type Soak = (count: number, seed: number) => void;

const SOAKS: Readonly<Record<string, Soak>> = {
  ata(count, seed) {
    const random = new Random(seed);
    const pattern = Uint8Array.from({ length: 4096 }, () => random.below(256));
    const victim = new IdeVictim(pattern, seed % 2 === 0 ? "hdd7200" : "instant");
    for (const access of ideAccesses(count, seed)) victim.suffer(access);
    victim.recover();
  },
  sata(count, seed) {
    const vandal = new Vandal(seed, (["instant", "hdd7200", "ssd"] as const)[seed % 3]!);
    for (let i = 0; i < count; i++) vandal.poke();
    expectUsable(vandal.rig);
  },
  fdd(count, seed) {
    const victim = new FloppyVictim(seed % 2 === 0 ? "real" : "instant");
    for (const { op, value } of floppyAccesses(count, seed)) victim.poke(op, value);
    victim.recover();
  },
};

/** @returns the exit code */
function main([countText = "1000000", seedText = "1"]: readonly string[]): number {
  const [count, seed] = [Number(countText), Number(seedText)];
  if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed) || seed < 0) {
    console.error("Cannot soak: wanted a count of accesses from 1 and a seed from 0");
    return 2;
  }
  let failures = 0;
  for (const [kind, soak] of Object.entries(SOAKS)) {
    const startNs = hostMonotonicNs();
    const seeds = new Random(seed);
    for (let done = 0; done < count; done += ROUND) {
      const own = seeds.below(2 ** 31);
      const pokes = Math.min(ROUND, count - done);
      try {
        soak(pokes, own);
      } catch (error) {
        failures += 1;
        console.error(`${kind}: ${pokes} accesses of seed ${own} (behind ${done}):`, error);
        break;
      }
    }
    const seconds = ((hostMonotonicNs() - startNs) / 1e9).toFixed(1);
    console.log(`${kind}: ${count} accesses, seed ${seed}, ${seconds} s`);
  }
  return failures === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main(process.argv.slice(2));
