import { beforeEach, describe, expect, it } from "@jest/globals";
import { keyFromPath, sha256AsU8a, sr25519PairFromSeed, sr25519Sign } from "@polkadot/util-crypto";
import { World, withMiners } from "../../test/world.js";
import { accountFrom } from "../engine/account.js";
import { encode, type Hex, textHex, toHex } from "../engine/codec.js";
import { TCESS } from "../shape/version.js";
import { devTeeKey, verifiers, workers } from "./attestation.js";
import { miners, stateOf } from "./miner.js";

const bob = accountFrom("//Bob");
const zeros: Hex = `0x${"00".repeat(256)}`;

let world: World;
let pair: ReturnType<typeof keyFromPath>;
let worker: Hex;
const sign = (bytes: Uint8Array): Hex => toHex(sr25519Sign(bytes, pair));
const launch = () => {
  world.root("TeeWorker.force_register_worker", { pubkey: worker, ecdhPubkey: worker, stashAccount: null });
  world.root("TeeWorker.launch_master_key", { holder: worker, rollIfLaunched: false });
};
const settle = (payload = { launcher: worker, masterPubkey: worker }, signature?: Hex) =>
  world.run("//Eve", "TeeWorker.settle_master_key_launch", {
    payload,
    signature: signature ?? sign(encode("MasterKeyLaunchPayload", payload)),
  });
const registerKey = (teeSigNeedVerify: Hex, teePuk = worker) =>
  world.run("//Bob", "Sminer.register_pois_key", {
    poisKey: { g: zeros, n: zeros },
    teeSigNeedVerify,
    teeSig: teeSigNeedVerify,
    teePuk,
  });

beforeEach(async () => {
  world = await World.create(withMiners);
  pair = sr25519PairFromSeed(new Uint8Array(32).fill(7));
  worker = toHex(pair.publicKey);
  world.run("//Bob", "Sminer.regnstk", {
    beneficiary: bob,
    endpoint: textHex("http://a:1"),
    stakingVal: 4000n * TCESS,
    tibCount: 1,
  });
});

describe("the master key", () => {
  it("is launched by a worker that root named, which signs for it", () => {
    expect(settle().error).toBe("TeeWorker.MasterKeyLaunchRequire");
    const unknown = { holder: worker, rollIfLaunched: false };
    expect(world.root("TeeWorker.launch_master_key", unknown).error).toBe("TeeWorker.WorkerNotFound");
    launch();
    expect(settle({ launcher: devTeeKey, masterPubkey: worker }).error).toBe("TeeWorker.InvalidMasterKeyFirstHolder");
    expect(settle(undefined, `0x${"01".repeat(64)}`).error).toBe("TeeWorker.InvalidSignature");
    expect(settle()).toEqual({ error: null, events: ["TeeWorker.MasterKeyLaunched"] });
    expect(world.root("TeeWorker.launch_master_key", unknown).error).toBe("TeeWorker.MasterKeyAlreadyLaunched");
  });

  it("once launched makes every signature count, that of the development worker too", () => {
    launch();
    settle();
    const info = { miner: bob, front: 0n, rear: 0n, poisKey: { g: zeros, n: zeros }, accumulator: zeros };
    const signature = sign(sha256AsU8a(encode("(SpaceProofInfo, [u8; 32])", [info, worker])));
    expect(registerKey("0x", devTeeKey).error).toBe("Sminer.MalformedSignature");
    expect(registerKey(signature, devTeeKey).error).toBe("Sminer.VerifyTeeSigFailed");
    expect(registerKey(signature).error).toBeNull();
    expect(stateOf(miners.find(world.store, bob)!)).toBe("positive");
  });
});

describe("a worker", () => {
  const info = (more: Record<string, unknown> = {}) => ({
    cesealInfo: {
      version: 1,
      machineId: "0x",
      pubkey: worker,
      ecdhPubkey: worker,
      stashAccount: bob,
      genesisBlockHash: `0x${"00".repeat(32)}`,
      features: [],
      role: "Verifier",
      endpoint: "http://tee:1",
      ...more,
    },
    attestation: null,
  });
  const register = (args = info()) => world.run("//Eve", "TeeWorker.register_worker", args);

  it("comes without a report of its hardware where that is allowed, and may be chosen to verify", () => {
    expect(register(info({ stashAccount: null })).error).toBe("TeeWorker.WrongWorkerRole");
    expect(register()).toEqual({ error: null, events: ["TeeWorker.WorkerAdded"] });
    expect(verifiers.get(world.store)).toEqual([worker]);
    world.root("TeeWorker.set_none_attestation_enabled", { enabled: false });
    expect(register().error).toBe("TeeWorker.NoneAttestationDisabled");
  });

  it("does only what its role is for", () => {
    register();
    const proof = { miner: bob, front: 0n, rear: 1n, poisKey: { g: zeros, n: zeros }, accumulator: zeros };
    const args = { idleSigInfo: proof, teeSigNeedVerify: "0x", teeSig: "0x", teePuk: worker };
    expect(world.run("//Bob", "FileBank.cert_idle_space", args).error).toBe("FileBank.TeeNoPermission");
  });

  it("goes at root's word", () => {
    register();
    expect(world.root("TeeWorker.force_clear_tee", { puk: worker }).error).toBeNull();
    expect(workers.has(world.store, worker)).toBe(false);
    expect(verifiers.get(world.store)).toEqual([]);
  });
});
