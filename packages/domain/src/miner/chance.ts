import type { Random } from "./instant.js";

/** Strictly inside (0, 1): logarithms of it are finite. */
const open = (random: Random): number => Math.min(1 - 2 ** -53, Math.max(2 ** -53, random()));

function sampleNormal(random: Random): number {
  return Math.sqrt(-2 * Math.log(open(random))) * Math.cos(2 * Math.PI * random());
}

/** How many rejections are borne before the mean is taken: chance that is not chance must not hang a scheduler. */
const TRIES_MAX = 64;

/** Gamma(shape, 1) by Marsaglia and Tsang (2000), for shape ≥ 1. */
function sampleGamma(shape: number, random: Random): number {
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (let i = 0; i < TRIES_MAX; i += 1) {
    const x = sampleNormal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(open(random)) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
  return shape;
}

/** A draw from Beta(a, b), a and b ≥ 1, in (0, 1). */
export function sampleBeta(a: number, b: number, random: Random): number {
  const x = sampleGamma(a, random);
  return x / (x + sampleGamma(b, random));
}

/** A number in [low, high). */
export const between = (low: number, high: number, random: Random): number => low + (high - low) * random();

/** A generator whose numbers follow from its seed alone (mulberry32): for simulations and tests. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
