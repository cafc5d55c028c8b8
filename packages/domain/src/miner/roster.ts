import { type AccountId, FRAGMENT_BYTES } from "@granary/primitives";
import { isInside } from "./area.js";
import { choose, type Field, type Reason, weightOfSpace } from "./choose.js";
import type { GroupKeys } from "./diversity.js";
import type { Experience } from "./judge.js";
import { defaultPolicy, type MinerPolicy } from "./policy.js";
import { noRefusals, passingRefusalOf, type Refusal } from "./refusal.js";
import { createRosterRows, type RosterRows } from "./roster-rows.js";
import type { Load } from "./score.js";
import type { Candidate, Selection, SelectionResult } from "./select.js";
import { createWeightTree, type WeightTree } from "./weight-tree.js";

/** As a selection out of a list, but the miners are the roster's, and holders are named by account. */
export type RosterOrder = Omit<Selection, "miners" | "holders"> & { readonly holders: readonly AccountId[] };

export interface RosterChoice {
  readonly account: AccountId;
  readonly reason: Reason;
  readonly relaxations: readonly string[];
}

/** `refused` counts the miners that were drawn and refused; all of the roster where there is a shortfall. */
export type RosterResult = Omit<SelectionResult, "chosen"> & { readonly chosen: readonly RosterChoice[] };

/**
 * All miners, kept between choices: a change costs O(log N), a choice O(columns · candidates · log N), and a miner some
 * two hundred bytes. Not a store: rows are the truth, and whoever keeps the roster puts them in again when they change.
 */
export interface Roster {
  readonly size: number;
  /** Adds a miner, or replaces all that is known of it. */
  put(miner: Candidate): void;
  remove(account: AccountId): void;
  has(account: AccountId): boolean;
  /** Null for a miner that is not in it. */
  experienceOf(account: AccountId): (Experience & Load) | null;
  setExperience(account: AccountId, experience: Experience): void;
  setLoad(account: AccountId, load: Load): void;
  setIdleBytes(account: AccountId, idleBytes: number): void;
  choose(order: RosterOrder): RosterResult;
}

export function createRoster(): Roster {
  const rows = createRosterRows();
  const places = new Map<AccountId, number>();
  const accounts: (AccountId | undefined)[] = [];
  const free: number[] = [];
  let tree: WeightTree = createWeightTree([]);
  let eligible = 0;

  /** The filters that change seldom are in the weight: such a miner is never drawn. */
  function weigh(index: number): void {
    const idleBytes = rows.idleBytes(index);
    const isOut = !rows.isUsable(index) || idleBytes < FRAGMENT_BYTES;
    const weight = isOut ? 0 : weightOfSpace(idleBytes);
    eligible += Number(weight > 0) - Number(tree.weight(index) > 0);
    tree.set(index, weight);
  }

  function placeFor(account: AccountId): number {
    const known = places.get(account);
    if (known !== undefined) return known;
    const index = free.pop() ?? accounts.length;
    if (rows.reserve(index + 1)) {
      const weights = new Float64Array(rows.capacity);
      for (let i = 0; i < accounts.length; i += 1) weights[i] = tree.weight(i);
      tree = createWeightTree(weights);
    }
    accounts[index] = account;
    places.set(account, index);
    return index;
  }

  const change = (account: AccountId, write: (index: number) => void) => {
    const index = places.get(account);
    if (index !== undefined) write(index);
  };

  return {
    get size() {
      return places.size;
    },
    put(miner) {
      const index = placeFor(miner.account);
      rows.write(index, miner);
      weigh(index);
    },
    remove: (account) =>
      change(account, (index) => {
        rows.clear(index);
        weigh(index);
        places.delete(account);
        accounts[index] = undefined;
        free.push(index);
      }),
    has: (account) => places.has(account),
    experienceOf(account) {
      const index = places.get(account);
      return index === undefined ? null : rows.stateAt(index);
    },
    setExperience: (account, experience) =>
      change(account, (index) => {
        const wasUsable = rows.isUsable(index);
        rows.setExperience(index, experience);
        if (wasUsable !== rows.isUsable(index)) weigh(index);
      }),
    setLoad: (account, load) => change(account, (index) => rows.setLoad(index, load)),
    setIdleBytes: (account, idleBytes) =>
      change(account, (index) => {
        rows.setIdleBytes(index, idleBytes);
        weigh(index);
      }),
    choose: (order) => chooseFrom({ rows, places, accounts, tree, eligible }, order),
  };
}

interface Held {
  readonly rows: RosterRows;
  readonly places: ReadonlyMap<AccountId, number>;
  readonly accounts: readonly (AccountId | undefined)[];
  readonly tree: WeightTree;
  readonly eligible: number;
}

function chooseFrom(held: Held, order: RosterOrder): RosterResult {
  const policy = order.policy ?? defaultPolicy;
  const { places, accounts, rows } = held;
  const { wishes } = order;
  const placesOf = (names: readonly AccountId[]): number[] =>
    names.flatMap((account) => {
      const index = places.get(account);
      return index === undefined ? [] : [index];
    });
  const refused = noRefusals();
  const refusalAt = refuser(held, order, policy);
  const onlyPlaces = wishes.only === undefined ? null : placesOf([...new Set(wishes.only)]);
  const picks = choose(
    fieldOf(held, onlyPlaces, order, (index) => {
      const refusal = refusalAt(index);
      if (refusal !== null) refused[refusal] += 1;
      return refusal !== null;
    }),
    {
      ...order,
      holders: placesOf(order.holders).map((index) => rows.groupsAt(index)),
      preferred: placesOf([...new Set(wishes.prefer ?? [])]),
      hasArea: wishes.area !== undefined,
    },
    policy,
  );
  const chosen = picks.map(({ index, reason, relaxations }) => ({
    account: accounts[index] as AccountId,
    reason,
    relaxations,
  }));
  const shortfall = order.need.columns - chosen.length;
  if (shortfall === 0) return { chosen, refused, shortfall, retryAt: null };
  return { chosen, shortfall, ...countRefusals(held, refusalAt) };
}

type RefusalAt = (index: number) => Refusal | null;

function refuser({ rows, accounts }: Held, order: RosterOrder, policy: MinerPolicy): RefusalAt {
  const avoid = new Set(order.wishes.avoid ?? []);
  const only = order.wishes.only === undefined ? null : new Set(order.wishes.only);
  return (index) => {
    const account = accounts[index] as AccountId;
    const standing = rows.standingRefusalAt(index);
    if (standing === "chain-state" || standing === "no-endpoint") return standing;
    if (order.exclude.has(account)) return "excluded";
    if (avoid.has(account) || (only !== null && !only.has(account))) return "unwanted";
    return standing ?? passingRefusalOf(rows.limitsAt(index), order, policy);
  };
}

/** Where only some are wanted, a tree of those alone is drawn from: in the whole one they might never be found. */
function fieldOf(
  { rows, tree, eligible }: Held,
  only: readonly number[] | null,
  order: RosterOrder,
  isRefused: (index: number) => boolean,
): Field {
  const area = order.wishes.area ?? [];
  const views = {
    groupsAt: (index: number): GroupKeys => rows.groupsAt(index),
    stateAt: (index: number) => rows.stateAt(index),
    isRefused,
    isInArea(index: number) {
      const position = rows.positionAt(index);
      return position !== null && isInside(position, area);
    },
  };
  if (only === null) return { ...views, tree, eligible, size: rows.capacity };
  const weights = createWeightTree(only.map((index) => tree.weight(index)));
  const placeOf = new Map(only.map((index, place) => [index, place]));
  const narrowed: WeightTree = {
    weight: (index) => {
      const place = placeOf.get(index);
      return place === undefined ? 0 : weights.weight(place);
    },
    set: (index, weight) => weights.set(placeOf.get(index) as number, weight),
    at: (share) => {
      const place = weights.at(share);
      return place === null ? null : (only[place] as number);
    },
  };
  return { ...views, tree: narrowed, eligible: only.filter((i) => tree.weight(i) > 0).length, size: rows.capacity };
}

function countRefusals({ places, rows }: Held, refusalAt: RefusalAt) {
  const refused = noRefusals();
  let retryAt: number | null = null;
  for (const index of places.values()) {
    const refusal = refusalAt(index);
    if (refusal === null) continue;
    refused[refusal] += 1;
    if (refusal === "cooldown") {
      retryAt = Math.min(retryAt ?? Number.POSITIVE_INFINITY, rows.limitsAt(index).cooldown.until as number);
    }
  }
  return { refused, retryAt };
}
