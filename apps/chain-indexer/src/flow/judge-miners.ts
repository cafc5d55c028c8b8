import type { Miner } from "@granary/chain-client";
import type { ChainMiner } from "@granary/contracts";
import type { AccountId } from "@granary/primitives";
import type { Fact } from "../ports.js";

/** The state that a miner is announced with when the chain no longer has it. */
const GONE = "exit";

/** Compares what the tables have of these miners with the chain; says only what is another. */
export function changedMiners(
  known: ReadonlyMap<AccountId, ChainMiner>,
  live: ReadonlyMap<AccountId, Miner>,
  block: number,
): { miners: readonly ChainMiner[]; goneMiners: readonly AccountId[]; facts: readonly Fact[] } {
  const miners = [...live.values()]
    .map((miner) => chainMiner(miner, block))
    .filter((miner) => !isSame(known.get(miner.account), miner));
  const gone = [...known.values()].filter((miner) => !live.has(miner.account));
  const farewells = gone.map((miner) => ({ ...miner, state: GONE, idleBytes: 0, updatedBlock: block }));
  return {
    miners,
    goneMiners: gone.map((miner) => miner.account),
    facts: [...miners, ...farewells].map((message) => ({ name: "minerChanged", message })),
  };
}

const chainMiner = (miner: Miner, block: number): ChainMiner => ({
  account: miner.account,
  state: miner.state,
  endpoint: miner.endpoint,
  idleBytes: miner.idleBytes,
  serviceBytes: miner.serviceBytes,
  lockedBytes: miner.lockedBytes,
  declaredBytes: miner.declaredBytes,
  updatedBlock: block,
});

const isSame = (before: ChainMiner | undefined, after: ChainMiner): boolean =>
  before !== undefined &&
  before.state === after.state &&
  before.endpoint === after.endpoint &&
  before.idleBytes === after.idleBytes &&
  before.serviceBytes === after.serviceBytes &&
  before.lockedBytes === after.lockedBytes &&
  before.declaredBytes === after.declaredBytes;
