import { beforeEach, describe, expect, it } from "@jest/globals";
import { minerNames, World, withMiners } from "../../test/world.js";
import { accountFrom } from "../engine/account.js";
import { encode, type Hex, toHex } from "../engine/codec.js";
import { Execution } from "../engine/execution.js";
import { TCESS } from "../shape/version.js";
import { Overlay } from "../store/overlay.js";
import { devTeeKey, verifiers, workers } from "./attestation.js";
import { audit, challenges, silences } from "./audit.js";
import { eraReward, fines, minerRewards } from "./cess-treasury.js";
import { allMiners, miners, stateOf } from "./miner.js";
import { hasLeft } from "./miner-exit.js";
import { payRewards, rewards } from "./miner-reward.js";
import { counters, credits } from "./scheduler-credit.js";
import { accountAt } from "./system.js";

const name = minerNames[0]!;
const miner = accountFrom(name);
const zero32: Hex = `0x${"00".repeat(32)}`;
const proof: Hex = `0x${"ab".repeat(32)}`;

let world: World;
const write = (items: [Hex, Uint8Array][]) =>
  world.root("System.set_storage", { items: items.map(([key, value]) => [key, toHex(value)]) });
const challenge = () => world.root("Audit.point_miner_challenge", { miner });
const asked = () => challenges.find(world.store, miner)!;
const itself = () => miners.find(world.store, miner)!;
const judge = (idleResult: boolean, serviceResult: boolean) => {
  world.run(name, "Audit.submit_idle_proof", { idleProve: proof });
  world.run(name, "Audit.submit_service_proof", { serviceProve: proof });
  const { minerSnapshot } = asked();
  const { front, rear, accumulator } = minerSnapshot.spaceProofInfo;
  const verdict = { totalProveHash: proof, front, rear, accumulator, idleResult, signature: "0x", teePuk: devTeeKey };
  const { serviceBloomFilter } = minerSnapshot;
  return [
    world.run(name, "Audit.submit_verify_idle_result", verdict),
    world.run(name, "Audit.submit_verify_service_result", {
      serviceResult,
      signature: "0x",
      serviceBloomFilter,
      teePuk: devTeeKey,
    }),
  ];
};
/** The newest state as rules would find it in a block far ahead. */
const at = (block: number) =>
  new Execution(new Overlay(world.store), block, zero32, (error) => {
    throw error;
  }).context({ type: "root" });
/** Root moves a due block to the next one. */
const bringNear = (call: string, old: number) => {
  world.root(`Audit.${call}`, { old, new: world.block + 2, miner });
  world.pass(1);
};
const endAnswers = () => {
  const { idleSlip, serviceSlip } = asked().challengeElement;
  bringNear("test_update_clear_slip", Math.max(idleSlip, serviceSlip));
};
const endVerdicts = () => bringNear("test_update_verify_slip", asked().challengeElement.verifySlip);

beforeEach(async () => {
  world = await World.create(withMiners);
  write([[verifiers.key(), encode("BoundedVec<[u8; 32], 10000>", [devTeeKey])]]);
});

describe("a challenge", () => {
  it("is made for nobody while nobody could verify it", () => {
    write([[verifiers.key(), encode("BoundedVec<[u8; 32], 10000>", [])]]);
    expect(challenge().error).toBeNull();
    expect(asked()).toBeUndefined();
  });

  it("is one at a time, and its proofs come too late after their block", () => {
    challenge();
    const { start, idleSlip } = asked().challengeElement;
    challenge();
    expect(asked().challengeElement.start).toBe(start);
    world.pass(idleSlip - world.block);
    expect(world.run(name, "Audit.submit_idle_proof", { idleProve: proof }).error).toBe("Audit.Expired");
  });

  it("goes to other verifiers twice where no verdict came, and ends then", () => {
    challenge();
    world.run(name, "Audit.submit_idle_proof", { idleProve: proof });
    for (const assign of [1, 2]) {
      endVerdicts();
      expect(asked().proveInfo.assign).toBe(assign);
    }
    endVerdicts();
    expect(asked()).toBeUndefined();
  });

  it("is drawn by chance every fourth block, but in the first three days", () => {
    const drawn = (block: number) => {
      const context = at(block);
      audit.initialize?.(context);
      return allMiners.get(context.state).filter((each) => challenges.has(context.state, each)).length;
    };
    expect([43_196, 43_200, 43_201, 43_204].map(drawn)).toEqual([0, 1, 0, 1]);
  });

  it("judged over other data than it asked for counts as failed", () => {
    challenge();
    world.run(name, "Audit.submit_idle_proof", { idleProve: proof });
    const verdict = {
      totalProveHash: proof,
      front: 7n,
      rear: 0n,
      accumulator: `0x${"00".repeat(256)}`,
      idleResult: true,
      signature: "0x",
      teePuk: devTeeKey,
    };
    expect(world.run(name, "Audit.submit_verify_idle_result", verdict).error).toBeNull();
    expect(world.lastEvent("Audit.SubmitIdleVerifyResult")).toMatchObject({ result: false });
  });
});

describe("silence", () => {
  beforeEach(() => {
    world.run("//Bob", "CessTreasury.send_funds_to_pid", { funds: TCESS });
  });

  it("costs a miner that has earned something parts of its stake: 5, then 15 hundredths", () => {
    const earned = { ...rewards.find(world.store, miner)!, totalReward: TCESS };
    write([[rewards.key(miner), encode("Reward", earned)]]);
    const taken = [1, 2, 3].map(() => {
      const before = itself().collaterals;
      challenge();
      endAnswers();
      endVerdicts();
      return before - itself().collaterals;
    });
    expect(taken).toEqual([0n, 200n * TCESS, 600n * TCESS]);
    expect(accountAt(world.store, fines).data.free).toBe(801n * TCESS);
    expect(stateOf(itself())).toBe("frozen");
  });

  it("for the hundredth time puts the miner out, and its files up for others to restore", () => {
    write([[silences.key(miner), encode("u8", 99)]]);
    challenge();
    endAnswers();
    expect(stateOf(itself())).toBe("offline");
    expect(allMiners.get(world.store)).not.toContain(miner);
    expect(hasLeft(at(world.block), miner)).toBe(true);
    expect(accountAt(world.store, miner).data.reserved).toBe(0n);
  });
});

describe("losing stored files", () => {
  it("costs a twentieth of the stake that they would take, from the second time on", () => {
    const serving = { ...itself(), serviceSpace: 1n << 40n };
    write([[miners.key(miner), encode("MinerInfo", serving)]]);
    world.run("//Bob", "CessTreasury.send_funds_to_pid", { funds: TCESS });
    const taken = [1, 2].map(() => {
      const before = itself().collaterals;
      challenge();
      expect(judge(true, false).map(({ error }) => error)).toEqual([null, null]);
      endVerdicts();
      return before - itself().collaterals;
    });
    expect(taken).toEqual([0n, 200n * TCESS]);
  });
});

describe("rewards", () => {
  const receive = () => world.run(name, "Sminer.receive_reward");
  const paid = () => world.lastEvent<{ reward: bigint }>("Sminer.Receive").reward;

  it("of an era go to those that completed an audit in it: half at once, the rest in ninety days", () => {
    challenge();
    expect(judge(true, true).map(({ error }) => error)).toEqual([null, null]);
    expect(receive().error).toBeNull();
    expect(paid()).toBe(0n);
    world.pass(3600 - world.block);
    expect(world.lastEvent("CessTreasury.Deposit")).toEqual({ balance: eraReward });
    const before = accountAt(world.store, minerRewards).data.free;
    receive();
    expect(paid()).toBe(eraReward / 2n);
    expect(before - accountAt(world.store, minerRewards).data.free).toBe(eraReward / 2n);
    expect(rewards.find(world.store, miner)).toMatchObject({ totalReward: eraReward, rewardIssued: eraReward / 2n });
    receive();
    expect(paid()).toBe(0n);

    const earlier = rewards.find(world.store, miner)!.orderList[0]!;
    const later = at(earlier.lastReceiveBlock + 3 * 14_400);
    payRewards(later, miner, accountFrom("//Beneficiary"));
    expect(accountAt(later.state, accountFrom("//Beneficiary")).data.free).toBe(3n * (eraReward / 180n));
    const atTheEnd = at(earlier.lastReceiveBlock + 1000 * 14_400);
    payRewards(atTheEnd, miner, accountFrom("//Beneficiary"));
    expect(rewards.find(atTheEnd.state, miner)?.orderList).toEqual([]);
  });
});

describe("a worker's credit", () => {
  it("is reckoned for its stash, by what it verified, at the end of each period", () => {
    const stash = accountFrom("//Stash");
    const worker = workers.find(world.store, devTeeKey)!;
    write([[workers.key(devTeeKey), encode("WorkerInfo", { ...worker, stashAccount: stash })]]);
    challenge();
    judge(true, true);
    expect(counters.get(world.store, stash).proceedBlockSize).toBe(1n);
    world.pass(3600 - world.block);
    expect(credits.get(world.store, 0, stash)).toBe(1000);
    expect(counters.has(world.store, stash)).toBe(false);
  });
});
