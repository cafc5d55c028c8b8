import { beforeEach, describe, expect, it } from "@jest/globals";
import { Keyring } from "@polkadot/keyring";
import { keccakAsU8a, secp256k1Expand, secp256k1PairFromSeed, secp256k1Sign } from "@polkadot/util-crypto";
import { World } from "../../test/world.js";
import { accountFrom } from "../engine/account.js";
import { encode, type Hex, textHex, toHex } from "../engine/codec.js";
import { storedMap } from "../engine/storage.js";
import { evmAccount } from "./evm-signature.js";

const authorities = storedMap<[Hex], Hex[]>("Oss", "AuthorityList");
const gateway = accountFrom("//Charlie");
const bob = accountFrom("//Bob");

let world: World;
beforeEach(async () => {
  world = await World.create();
});

describe("authorization", () => {
  it("is given and taken back; either again changes nothing", () => {
    expect(world.run("//Bob", "Oss.authorize", { operator: gateway })).toEqual({
      error: null,
      events: ["Oss.Authorize"],
    });
    expect(authorities.get(world.store, bob)).toEqual([gateway]);
    expect(world.run("//Bob", "Oss.authorize", { operator: gateway }).events).toEqual(["Oss.Authorize"]);
    expect(authorities.get(world.store, bob)).toEqual([gateway]);
    expect(world.run("//Bob", "Oss.cancel_authorize", { oss: gateway }).events).toEqual(["Oss.CancelAuthorize"]);
    expect(authorities.get(world.store, bob)).toEqual([]);
    expect(world.run("//Bob", "Oss.cancel_authorize", { oss: gateway }).error).toBeNull();
    expect(world.run("//Dave", "Oss.cancel_authorize", { oss: gateway }).error).toBe("Oss.NoAuthorization");
  });

  it("is for twenty at a time", () => {
    for (let i = 0; i < 20; i += 1) world.run("//Bob", "Oss.authorize", { operator: accountFrom(`//Gateway${i}`) });
    expect(world.run("//Bob", "Oss.authorize", { operator: gateway }).error).toBe("Oss.BoundedVecError");
  });
});

describe("an authorization signed elsewhere", () => {
  const payload = { oss: gateway, exp: 10 };
  const wrapped = () =>
    Buffer.concat([Buffer.from("<Bytes>"), encode("ProxyAuthPayload", payload), Buffer.from("</Bytes>")]);

  it("is handed in and paid for by anybody, until 100 blocks after the block it names", () => {
    const owner = new Keyring({ type: "sr25519" }).addFromUri("//Bob");
    const args = { authPuk: bob, sig: toHex(owner.sign(wrapped())), payload };
    expect(world.run("//Eve", "Oss.proxy_authorzie", { ...args, authPuk: accountFrom("//Dave") }).error).toBe(
      "Oss.VerifySigFailed",
    );
    expect(world.run("//Eve", "Oss.proxy_authorzie", { ...args, sig: "0x11" }).error).toBe("Oss.MalformedSignature");
    expect(world.run("//Eve", "Oss.proxy_authorzie", args)).toEqual({ error: null, events: [] });
    expect(authorities.get(world.store, bob)).toEqual([gateway]);
    world.pass(110);
    expect(world.run("//Eve", "Oss.proxy_authorzie", args).error).toBe("Oss.Expired");
  });

  it("may be an Ethereum wallet's, for the account of its address", () => {
    const { publicKey, secretKey } = secp256k1PairFromSeed(new Uint8Array(32).fill(7));
    const message = wrapped();
    const intro = Buffer.from(`\u0019Ethereum Signed Message:\n${message.length}`);
    const account = evmAccount(keccakAsU8a(secp256k1Expand(publicKey)).subarray(12));
    const sig = toHex(secp256k1Sign(Buffer.concat([intro, message]), { secretKey }, "keccak"));
    expect(world.run("//Eve", "Oss.evm_proxy_authorzie", { authPuk: bob, sig, payload }).error).toBe(
      "Oss.VerifySigFailed",
    );
    expect(world.run("//Eve", "Oss.evm_proxy_authorzie", { authPuk: account, sig, payload }).error).toBeNull();
    expect(authorities.get(world.store, account)).toEqual([gateway]);
  });
});

describe("a gateway's registration", () => {
  it("is made, changed and ended", () => {
    const endpoint = `0x${"01".repeat(38)}`;
    const domain = textHex("gateway.example");
    expect(world.run("//Charlie", "Oss.update", { endpoint, domain }).error).toBe("Oss.UnRegister");
    expect(world.run("//Charlie", "Oss.register", { endpoint, domain }).events).toEqual(["Oss.OssRegister"]);
    expect(world.run("//Charlie", "Oss.register", { endpoint, domain }).error).toBe("Oss.Registered");
    expect(world.run("//Charlie", "Oss.update", { endpoint, domain }).events).toEqual(["Oss.OssUpdate"]);
    expect(world.run("//Charlie", "Oss.destroy").events).toEqual(["Oss.OssDestroy"]);
    expect(world.run("//Charlie", "Oss.destroy").error).toBe("Oss.UnRegister");
  });
});
