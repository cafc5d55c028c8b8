import { type AccountId, GiB } from "@granary/primitives";
import { seededRandom } from "../src/miner/chance.js";
import { spreadConstraints } from "../src/miner/diversity.js";
import { noExperience } from "../src/miner/judge.js";
import type { Candidate, Selection } from "../src/miner/select.js";

/** When the tests' choices are made. */
export const NOW = 1_000_000;
export const account = (n: number) => `miner-${n}` as AccountId;

/** A miner of which nothing is known, on a host of its own. */
export const miner = (n: number, more: Partial<Candidate> = {}): Candidate => ({
  ...noExperience(NOW),
  account: account(n),
  chainState: "positive",
  idleBytes: 100 * GiB,
  hasEndpoint: true,
  groups: { host: `host-${n}` },
  position: null,
  inflight: 0,
  unreported: 0,
  ...more,
});

/** Twelve columns of one segment, nobody excluded, nothing wished. */
export const twelveColumns = (): Omit<Selection, "miners" | "holders"> & { readonly holders: [] } => ({
  need: { columns: 12, fragmentsPerColumn: 1 },
  exclude: new Set(),
  holders: [],
  constraints: spreadConstraints,
  wishes: {},
  now: NOW,
  random: seededRandom(1),
});
