import { type AccountId, FRAGMENT_BYTES } from "@granary/primitives";
import { type Cooldown, phaseOf } from "./cooldown.js";
import type { Instant } from "./instant.js";
import type { MinerPolicy } from "./policy.js";
import type { Load } from "./score.js";

/** The hard filters: what none of a miner's merits makes up for. */
export const refusals = [
  "chain-state",
  "no-endpoint",
  "excluded",
  "unwanted",
  "quarantine",
  "cooldown",
  "probe-under-way",
  "busy",
  "space",
] as const;
export type Refusal = (typeof refusals)[number];

/** What is asked of a miner. */
export interface Need {
  readonly columns: number;
  readonly fragmentsPerColumn: number;
}

/** What the filters look at. */
export interface Applicant extends Load {
  readonly account: AccountId;
  readonly chainState: string;
  readonly hasEndpoint: boolean;
  readonly idleBytes: number;
  readonly quarantine: string | null;
  readonly cooldown: Cooldown;
}

export interface Filter {
  readonly need: Need;
  readonly exclude: ReadonlySet<AccountId>;
  readonly now: Instant;
}

export const neededBytes = (need: Need, policy: MinerPolicy): number =>
  need.fragmentsPerColumn * FRAGMENT_BYTES * policy.spaceMargin;

/** Why a miner may take no column of this file now; null when it may. */
export function refusalOf(miner: Applicant, filter: Filter, isUnwanted: boolean, policy: MinerPolicy): Refusal | null {
  if (miner.chainState !== "positive") return "chain-state";
  if (!miner.hasEndpoint) return "no-endpoint";
  if (filter.exclude.has(miner.account)) return "excluded";
  if (isUnwanted) return "unwanted";
  if (miner.quarantine !== null) return "quarantine";
  return passingRefusalOf(miner, filter, policy);
}

/** The filters that time and load alone decide. */
export function passingRefusalOf(
  miner: Pick<Applicant, "cooldown" | "inflight" | "unreported" | "idleBytes">,
  filter: Pick<Filter, "need" | "now">,
  policy: MinerPolicy,
): Refusal | null {
  const phase = phaseOf(miner.cooldown, filter.now);
  if (phase === "open") return "cooldown";
  if (phase === "half-open" && miner.inflight + miner.unreported > 0) return "probe-under-way";
  if (miner.inflight >= policy.inflightMax) return "busy";
  if (miner.idleBytes < neededBytes(filter.need, policy)) return "space";
  return null;
}

export const noRefusals = (): Record<Refusal, number> =>
  Object.fromEntries(refusals.map((reason) => [reason, 0])) as Record<Refusal, number>;
