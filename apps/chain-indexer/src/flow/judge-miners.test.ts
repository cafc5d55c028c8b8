import type { Miner } from "@granary/chain-client";
import type { AccountId } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { changedMiners } from "./judge-miners.js";

const miner = (name: string, change: Partial<Miner> = {}): Miner => ({
  account: name as AccountId,
  state: "positive",
  endpoint: "http://miner",
  beneficiary: name as AccountId,
  collateral: 1n,
  debt: 0n,
  declaredBytes: 100,
  idleBytes: 50,
  serviceBytes: 0,
  lockedBytes: 0,
  ...change,
});
const mapOf = <T extends { account: AccountId }>(...items: T[]) => new Map(items.map((item) => [item.account, item]));

describe("changedMiners", () => {
  const known = mapOf(...changedMiners(new Map(), mapOf(miner("a"), miner("b")), 1).miners);

  it("says nothing of miners that are as they were", () => {
    const changes = changedMiners(known, mapOf(miner("a"), miner("b", { collateral: 9n })), 2);
    expect(changes).toEqual({ miners: [], goneMiners: [], facts: [] });
  });

  it("writes and announces each change of what placement looks at", () => {
    const changed: Partial<Miner>[] = [
      { state: "frozen" },
      { endpoint: "http://other" },
      { idleBytes: 49 },
      { serviceBytes: 1 },
      { lockedBytes: 1 },
      { declaredBytes: 101 },
    ];
    for (const change of changed) {
      const { miners, facts } = changedMiners(known, mapOf(miner("a", change), miner("b")), 2);
      expect(miners).toMatchObject([{ account: "a", ...change, updatedBlock: 2 }]);
      expect(facts).toMatchObject([{ name: "minerChanged", message: { account: "a", ...change } }]);
    }
  });

  it("announces a miner that is gone as one that has left and has no space", () => {
    const { goneMiners, facts } = changedMiners(known, mapOf(miner("b")), 3);
    expect(goneMiners).toEqual(["a"]);
    expect(facts).toMatchObject([{ name: "minerChanged", message: { account: "a", state: "exit", idleBytes: 0 } }]);
  });
});
