/** What several miners may have in common, so that one misfortune takes them together. */
export const dimensions = ["country", "asn", "operator", "subnet", "host"] as const;
export type Dimension = (typeof dimensions)[number];

/** What is known of a miner; what is not known constrains nothing. */
export type Groups = { readonly [D in Dimension]?: string };

/** How many columns of one file may lie in one group: at first, and after each relaxation. */
export interface Constraint {
  readonly dimension: Dimension;
  readonly limits: readonly number[];
}

/**
 * In the order in which they are given up when a file cannot be placed otherwise. One column per miner is not among
 * them: it is never given up.
 */
export const spreadConstraints: readonly Constraint[] = [
  { dimension: "country", limits: [6, 12] },
  { dimension: "asn", limits: [3, 12] },
  { dimension: "operator", limits: [1, 2] },
  { dimension: "subnet", limits: [1, 2] },
  { dimension: "host", limits: [1, 2] },
];

/** For a development network, where every miner may live on one machine: the last step lets them. */
export const oneMachineConstraints: readonly Constraint[] = spreadConstraints.map(({ dimension, limits }) => ({
  dimension,
  limits: limits.includes(12) ? limits : [...limits, 12],
}));

export type Limits = { readonly [D in Dimension]?: number };
/** One level of strictness. `hasArea`: the uploader's area still counts. */
export interface Level {
  readonly limits: Limits;
  readonly hasArea: boolean;
}

/**
 * Levels from strict to loose: first the wished area goes, then each constraint takes its next limit in turn, round by
 * round, so that nothing is given up wholly while something else can still be given up a little.
 */
export function levelsOf(constraints: readonly Constraint[], hasArea: boolean): readonly Level[] {
  const step = new Map<Dimension, number>(constraints.map(({ dimension }) => [dimension, 0]));
  const limitsNow = (): Limits =>
    Object.fromEntries(
      constraints.map(({ dimension, limits }) => [
        dimension,
        limits[step.get(dimension) as number] ?? Number.POSITIVE_INFINITY,
      ]),
    );
  const levels: Level[] = [{ limits: limitsNow(), hasArea }];
  if (hasArea) levels.push({ limits: limitsNow(), hasArea: false });
  const rounds = Math.max(0, ...constraints.map(({ limits }) => limits.length - 1));
  for (let round = 1; round <= rounds; round += 1) {
    for (const { dimension, limits } of constraints) {
      if (round >= limits.length) continue;
      step.set(dimension, round);
      levels.push({ limits: limitsNow(), hasArea: false });
    }
  }
  return levels;
}

/**
 * Groups as numbers, one per dimension, 0 where nothing is known: they are compared by the hundred for each choice, and
 * held for every miner. Two groups of one number are taken for one, which errs on the side of dispersion; among the
 * twelve of a file that happens less than once in ten million.
 */
export type GroupKeys = ArrayLike<number>;

export function groupKeysOf(groups: Groups): GroupKeys {
  return dimensions.map((dimension) => {
    const group = groups[dimension];
    return group === undefined ? 0 : keyOf(group);
  });
}

/** FNV-1a, never 0. */
function keyOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash === 0 ? 1 : hash;
}

/** How many columns of the file each group holds so far. */
export interface Spread {
  fits(groups: GroupKeys, limits: Limits): boolean;
  /** Dimensions in which one more column in these groups would be beyond the limits. */
  beyond(groups: GroupKeys, limits: Limits): readonly Dimension[];
  add(groups: GroupKeys): void;
}

/** A file has twelve columns: to look through them all is quicker than to keep counts. */
export function spreadOver(holders: readonly GroupKeys[]): Spread {
  const members = [...holders];
  function isBeyond(groups: GroupKeys, place: number, limits: Limits): boolean {
    const group = groups[place] as number;
    const limit = limits[dimensions[place] as Dimension];
    if (group === 0 || limit === undefined) return false;
    let count = 0;
    for (const member of members) if (member[place] === group) count += 1;
    return count >= limit;
  }
  return {
    add: (groups) => {
      members.push(groups);
    },
    fits(groups, limits) {
      for (let place = 0; place < dimensions.length; place += 1) if (isBeyond(groups, place, limits)) return false;
      return true;
    },
    beyond: (groups, limits) => dimensions.filter((_, place) => isBeyond(groups, place, limits)),
  };
}

const ipv4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.\d{1,3}$/;

/** What the endpoint alone tells of a miner: its host, and of a literal address the subnet (/24 or /48). */
export function groupsOfEndpoint(endpoint: string): Groups {
  const text = endpoint.split("\0")[0]?.trim() ?? "";
  const url = text.includes("://") ? text : `http://${text}`;
  if (!URL.canParse(url)) return {};
  const host = new URL(url).hostname;
  const four = ipv4.exec(host);
  if (four !== null) return { host, subnet: `${four[1]}.${four[2]}.${four[3]}.0/24` };
  if (!host.startsWith("[")) return { host };
  return { host, subnet: subnetOfIpv6(host.slice(1, -1)) };
}

/** The URL parser has compressed the address already; only the leading three groups count. */
function subnetOfIpv6(address: string): string {
  const [head = "", tail] = address.split("::");
  const leading = head === "" ? [] : head.split(":");
  const trailing = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : new Array<string>(8 - leading.length - trailing.length).fill("0");
  return `${[...leading, ...zeros, ...trailing].slice(0, 3).join(":")}::/48`;
}
