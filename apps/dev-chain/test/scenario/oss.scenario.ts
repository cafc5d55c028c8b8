import { describe, expect, it } from "@jest/globals";
import { addressOf, publicKeyOf, signWith } from "./chain-under-test.js";
import type { Network } from "./network.js";

const peerId = `0x${"07".repeat(38)}`;

/** Who may act for whom, and where gateways are found. */
export const ossScenarios = (network: () => Network): void => {
  describe("an authorization", () => {
    const listOf = (owner: string) => network().chain.read<string[]>("oss.authorityList", addressOf(owner));

    it("is given and taken back, and either again changes nothing", async () => {
      const owner = await network().owner();
      const gateway = addressOf("//Charlie");
      const given = await network().chain.run(owner, "oss.authorize", gateway);
      expect([given.error, given.events]).toEqual([null, ["oss.Authorize"]]);
      expect(given.event("oss.Authorize")).toEqual({ acc: addressOf(owner), operator: gateway });
      expect((await network().chain.run(owner, "oss.authorize", gateway)).events).toEqual(["oss.Authorize"]);
      expect(await listOf(owner)).toEqual([gateway]);
      const taken = await network().chain.run(owner, "oss.cancelAuthorize", gateway);
      expect([taken.error, taken.events]).toEqual([null, ["oss.CancelAuthorize"]]);
      expect(await listOf(owner)).toEqual([]);
      expect((await network().chain.run(owner, "oss.cancelAuthorize", gateway)).error).toBeNull();
      const stranger = await network().owner();
      expect((await network().chain.run(stranger, "oss.cancelAuthorize", gateway)).error).toBe("oss.NoAuthorization");
    });

    it("signed by its owner is handed in and paid for by anybody, until 100 blocks after the block it names", async () => {
      const owner = await network().owner();
      const handIn = async (exp: number, signer = owner) => {
        const payload = { oss: addressOf("//Charlie"), exp };
        const draft = network().chain.call("oss.proxyAuthorzie", publicKeyOf(owner), "0x", payload);
        const signed = Buffer.concat([Buffer.from("<Bytes>"), draft.args[2]!.toU8a(), Buffer.from("</Bytes>")]);
        const signature = Buffer.from(signWith(signer, signed)).toString("hex");
        return network().chain.run("//Dave", "oss.proxyAuthorzie", publicKeyOf(owner), `0x${signature}`, payload);
      };
      const height = await network().chain.height();
      expect((await handIn(height, "//Dave")).error).toBe("oss.VerifySigFailed");
      if (height > 110) expect((await handIn(height - 110)).error).toBe("oss.Expired");
      expect(await handIn(height)).toMatchObject({ error: null, events: [] });
      expect(await listOf(owner)).toEqual([addressOf("//Charlie")]);
      expect((await handIn(height)).error).toBe("oss.Existed");
    });
  });

  describe("a registration", () => {
    it("is made, changed and ended", async () => {
      const gateway = await network().owner();
      const run = (name: string, ...args: unknown[]) => network().chain.run(gateway, `oss.${name}`, ...args);
      expect((await run("update", peerId, "a.example")).error).toBe("oss.UnRegister");
      expect((await run("register", peerId, "a.example")).events).toEqual(["oss.OssRegister"]);
      expect((await run("register", peerId, "a.example")).error).toBe("oss.Registered");
      expect((await run("update", peerId, "b.example")).events).toEqual(["oss.OssUpdate"]);
      const { domain } = await network().chain.read<{ domain: string }>("oss.oss", addressOf(gateway));
      expect(Buffer.from(domain.slice(2), "hex").toString()).toBe("b.example");
      expect((await run("destroy")).events).toEqual(["oss.OssDestroy"]);
      expect((await run("destroy")).error).toBe("oss.UnRegister");
    });
  });
};
