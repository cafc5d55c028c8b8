import { beforeEach, describe, expect, it } from "@jest/globals";
import { brief, digestHex, minerNames, segment, World, withMiners } from "../../test/world.js";
import { accountFrom } from "../engine/account.js";
import { encode, textHex, toHex } from "../engine/codec.js";
import { files } from "./file-store.js";
import { miners } from "./miner.js";

const fileHash = digestHex("f");
const [fragment] = segment("a").fragmentList as [`0x${string}`];
const [holder, first, second] = [minerNames[0]!, minerNames[12]!, minerNames[1]!];

let world: World;
const run = (who: string, call: string, args: Record<string, unknown>) => world.run(who, `FileBank.${call}`, args);
const claim = (who: string) => run(who, "claim_restoral_order", { restoralFragment: fragment });
const complete = (who: string) => run(who, "restoral_order_complete", { fragmentHash: fragment });
const fragmentNow = () => files.find(world.store, fileHash)!.segmentList[0]!.fragmentList[0]!;

beforeEach(async () => {
  world = await World.create(withMiners);
  world.run("//Bob", "StorageHandler.mint_territory", { gibCount: 1, territoryName: textHex("home"), days: 30 });
  const userBrief = brief("//Bob", "home");
  run("//Bob", "upload_declaration", { fileHash, dealInfo: [segment("a")], userBrief, fileSize: 1n });
  for (const [i, miner] of minerNames.slice(0, 12).entries()) {
    run(miner, "transfer_report", { index: i + 1, dealHash: fileHash });
  }
});

describe("a claim", () => {
  beforeEach(() => {
    run(holder, "generate_restoral_order", { fileHash, restoralFragment: fragment });
  });

  it("ends after 250 blocks, and then another miner may claim", () => {
    claim(first);
    world.pass(249);
    expect(claim(second).error).toBe("FileBank.SpecError");
    expect(complete(first).error).toBe("FileBank.Expired");
    expect(claim(second).error).toBeNull();
    expect(complete(first).error).toBe("FileBank.SpecError");
  });

  it("is not completed by a miner that has the fragment already", () => {
    claim(holder);
    expect(complete(holder).error).toBe("FileBank.RulesNotAllowed");
  });

  it("ends without an event where the file is gone", () => {
    claim(first);
    run("//Bob", "delete_file", { owner: accountFrom("//Bob"), fileHash });
    expect(complete(first)).toEqual({ error: null, events: [] });
    expect(complete(first).error).toBe("FileBank.NonExistent");
  });
});

describe("what a miner took with it when it left", () => {
  const args = { miner: accountFrom(holder), fileHash, restoralFragment: fragment };

  it("is claimed without its word, and counts towards its stake's return", () => {
    expect(run(first, "claim_restoral_noexist_order", args).error).toBe("FileBank.NonExistent");
    const account = accountFrom(holder);
    const locked = encode("MinerInfo", { ...miners.find(world.store, account)!, state: textHex("lock") });
    world.root("System.set_storage", { items: [[miners.key(account), toHex(locked)]] });
    expect(world.root("Sminer.miner_exit", { miner: account }).error).toBeNull();
    expect(world.run(holder, "Sminer.miner_withdraw").error).toBe("Sminer.StateError");
    expect(run(first, "claim_restoral_noexist_order", args)).toEqual({
      error: null,
      events: ["FileBank.ClaimRestoralOrder"],
    });
    expect(complete(first)).toEqual({ error: null, events: ["FileBank.RecoveryCompleted"] });
    expect(fragmentNow()).toMatchObject({ miner: accountFrom(first), avail: true, tag: world.block });
    expect(world.run(holder, "Sminer.miner_withdraw").error).toBeNull();
  });
});
