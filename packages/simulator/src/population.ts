import { type Groups, type Random } from "@granary/domain/miner";
import { GiB } from "@granary/primitives";

export const populations = [
  "base",
  "flaky",
  "outage",
  "sybil-10",
  "sybil-33",
  "liars",
  "turncoats",
  "slow-ramp",
  "flapping",
  "late",
] as const;
export type Population = (typeof populations)[number];

/** Something that happens to a miner at a share of the run. */
export type Turn =
  | { readonly at: number; readonly kind: "speed"; readonly factor: number }
  | { readonly at: number; readonly kind: "online"; readonly isOnline: boolean }
  | { readonly at: number; readonly kind: "lies"; readonly isLying: boolean };

export interface MinerSpec {
  readonly bytesPerSecond: number;
  readonly failShare: number;
  readonly isLiar: boolean;
  /** Counts for the fairness of the spread: neither bad, nor a liar, nor slow, nor late. */
  readonly isGood: boolean;
  /** Part of whatever this population is about. */
  readonly isSubject: boolean;
  readonly joinsAt: number;
  readonly idleBytes: number;
  readonly groups: Groups;
  readonly turns: readonly Turn[];
}

const MEDIAN_BYTES_PER_SECOND = 6e6;
const BANDWIDTH_SIGMA = 0.8;

/** Large miners have somewhat better lines. */
const SPACE_EXPONENT = 0.25;
const SPACE_SIGMA = 0.25;

const gaussian = (random: Random): number =>
  Math.sqrt(-2 * Math.log(Math.max(2 ** -53, random()))) * Math.cos(2 * Math.PI * random());
const logNormal = (median: number, sigma: number, random: Random): number =>
  median * Math.exp(sigma * gaussian(random));

/**
 * The base: 80 % good (0.5 % of attempts fail), 12 % flaky (15 %), 5 % bad (70 %), 3 % liars (accept all, report
 * nothing); over these 10 % are slower by ten in the middle third, and 5 % join late. The others replace or add.
 */
export function populate(count: number, population: Population, random: Random): readonly MinerSpec[] {
  return Array.from({ length: count }, (_, i) => createMiner(i, count, population, random));
}

function createMiner(i: number, count: number, population: Population, random: Random): MinerSpec {
  const kind = kindOf(population, random());
  const isSlow = random() < 0.1;
  const isLate = random() < (population === "late" ? 0.3 : 0.05);
  const lateness = random();
  const subject = subjectOf(population, i, count, random);
  const bytesPerSecond = logNormal(MEDIAN_BYTES_PER_SECOND, BANDWIDTH_SIGMA, random);
  const isLiar = kind === "liar" || subject?.isLiar === true;
  return {
    bytesPerSecond,
    failShare: { good: 0.005, flaky: 0.15, bad: 0.7, liar: 0.005 }[kind],
    isLiar,
    isGood: kind === "good" && !isSlow && !isLate && subject === null,
    isSubject: subject !== null || (population === "late" && isLate),
    joinsAt: isLate ? lateness * 0.5 : 0,
    idleBytes: Math.floor(
      logNormal(1000 * GiB * (bytesPerSecond / MEDIAN_BYTES_PER_SECOND) ** SPACE_EXPONENT, SPACE_SIGMA, random),
    ),
    groups: subject?.groups ?? groupsOf(i, count, random),
    turns: [
      ...(isSlow
        ? [{ at: 1 / 3, kind: "speed", factor: 0.1 } as const, { at: 2 / 3, kind: "speed", factor: 1 } as const]
        : []),
      ...(subject?.turns ?? []),
    ],
  };
}

function kindOf(population: Population, draw: number): "good" | "flaky" | "bad" | "liar" {
  const [flaky, bad, liar] = { flaky: [0.3, 0.05, 0.03], liars: [0.12, 0.05, 0.1] }[population as "flaky"] ?? [
    0.12, 0.05, 0.03,
  ];
  if (draw < (liar as number)) return "liar";
  if (draw < (liar as number) + (bad as number)) return "bad";
  return draw < (liar as number) + (bad as number) + (flaky as number) ? "flaky" : "good";
}

/** Networks and operators as they are on the internet: a few large, many small. */
function groupsOf(i: number, count: number, random: Random): Groups {
  const skewed = (groups: number) => Math.floor(groups * random() ** 2);
  return {
    host: `host-${i}`,
    subnet: `subnet-${Math.floor(random() * count * 0.8)}`,
    operator: `operator-${Math.floor(random() * count * 0.6)}`,
    asn: `asn-${skewed(Math.max(20, count / 20))}`,
    country: `country-${skewed(30)}`,
  };
}

interface Subject {
  readonly turns: readonly Turn[];
  readonly isLiar?: boolean;
  readonly groups?: Groups;
}

function subjectOf(population: Population, i: number, count: number, random: Random): Subject | null {
  switch (population) {
    case "outage": {
      if (random() >= 0.2) return null;
      const groups = { ...groupsOf(i, count, random), country: "country-dark" };
      return { groups, turns: offline(0.4, 0.7) };
    }
    case "sybil-10":
    case "sybil-33": {
      if (random() >= (population === "sybil-10" ? 0.1 : 0.33)) return null;
      const groups = {
        host: `sybil-${i}`,
        subnet: `sybil-${i % 8}`,
        operator: "sybil",
        asn: "asn-0",
        country: "country-0",
      };
      return { groups, isLiar: true, turns: [] };
    }
    case "turncoats":
      if (random() >= 0.1) return null;
      return {
        turns: [
          { at: 1 / 3, kind: "lies", isLying: true },
          { at: 1 / 2, kind: "lies", isLying: false },
        ],
      };
    case "slow-ramp":
      if (random() >= 0.1) return null;
      return {
        turns: Array.from({ length: 20 }, (_, k) => ({ at: k / 20, kind: "speed", factor: 0.8 ** k }) as const),
      };
    case "flapping": {
      if (random() >= 0.1) return null;
      const shift = random() / 12;
      return { turns: Array.from({ length: 12 }, (_, k) => offline(k / 12 + shift, k / 12 + shift + 0.02)).flat() };
    }
    default:
      return null;
  }
}

const offline = (from: number, to: number): Turn[] => [
  { at: from, kind: "online", isOnline: false },
  { at: to, kind: "online", isOnline: true },
];
