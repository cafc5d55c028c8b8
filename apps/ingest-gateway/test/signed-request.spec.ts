import { loadSigner, signMessage } from "@granary/chain-client/accounts";
import { type RequestToSign, requestMessage } from "@granary/contracts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { u8aToHex } from "@polkadot/util";
import { ethereumEncode, secp256k1PairFromSeed, secp256k1Sign } from "@polkadot/util-crypto";
import { accountOfEthereum } from "../src/identity/ethereum.js";
import { digest, type Network, startNetwork } from "./support/network.js";

const alice = await loadSigner("//Alice");
const bob = await loadSigner("//Bob");
const PATH = "/object/name.txt?wait=received";
const BODY = "the body";

type Fields = Partial<RequestToSign>;
type Headers = Record<string, string>;

describe("a signature for one request", () => {
  let network: Network;
  let nonces = 0;
  beforeAll(async () => {
    network = await startNetwork();
  });
  afterAll(() => network?.stop());
  beforeEach(() => {
    nonces += 1;
  });

  const seconds = () => Math.floor(Date.now() / 1000);
  const messageOf = (fields: Fields): string =>
    requestMessage({
      method: "PUT",
      host: new URL(network.url()).host,
      path: PATH,
      account: alice.account,
      territory: "home",
      bodySha256: digest(Buffer.from(BODY)),
      expiresAt: seconds() + 200,
      nonce: `nonce-of-a-test-${nonces}`,
      ...fields,
    });
  const signed = (fields: Fields = {}, signer = alice): Headers => {
    const message = messageOf(fields);
    return { account: signer.account, message, signature: signMessage(signer, message), territory: "home" };
  };
  async function put(headers: Headers, path = PATH, body = BODY): Promise<[number, string]> {
    const answer = await fetch(`${network.url()}${path}`, { method: "PUT", headers, body });
    const { error } = (await answer.json()) as { error?: { code: string } };
    return [answer.status, error?.code ?? "ok"];
  }

  it("is taken once, also after the gateway has started anew", async () => {
    const headers = signed();
    expect(await put(headers)).toEqual([202, "ok"]);
    expect(await put(headers)).toEqual([401, "SIGNATURE_REPLAYED"]);
    await network.restart();
    const replayed = signed({ nonce: `nonce-of-a-test-${nonces}` });
    expect(await put(replayed)).toEqual([401, "SIGNATURE_REPLAYED"]);
    // Another account may have chosen the same nonce.
    expect(await put(signed({ account: bob.account }, bob))).toEqual([202, "ok"]);
  });

  it.each<[string, Fields, string]>([
    ["another method", { method: "DELETE" }, "SIGNATURE_REQUEST_MISMATCH"],
    ["another host", { host: "gateway.example" }, "SIGNATURE_REQUEST_MISMATCH"],
    ["another path", { path: "/object/other.txt?wait=received" }, "SIGNATURE_REQUEST_MISMATCH"],
    ["another query", { path: "/object/name.txt" }, "SIGNATURE_REQUEST_MISMATCH"],
    ["another territory", { territory: "elsewhere" }, "SIGNATURE_REQUEST_MISMATCH"],
    ["another account", { account: bob.account }, "SIGNATURE_REQUEST_MISMATCH"],
    ["a time that is over", { expiresAt: 1_700_000_000 }, "SIGNATURE_EXPIRED"],
    ["a time too far away", { expiresAt: Math.floor(Date.now() / 1000) + 4_000 }, "SIGNATURE_TOO_LONG"],
  ])("is refused for %s", async (_what, fields, code) => {
    expect(await put(signed(fields))).toEqual([401, code]);
  });

  it("is refused with a bit flipped, in the message or in the signature", async () => {
    const headers = signed();
    const flipped = (hex: string) => `${(Number.parseInt(hex[0] as string, 16) ^ 1).toString(16)}${hex.slice(1)}`;
    const signature = flipped(headers.signature as string);
    expect(await put({ ...headers, signature })).toEqual([401, "SIGNATURE_INVALID"]);
    const message = (headers.message as string).replace("-test-", "-tesu-");
    expect(await put({ ...headers, message })).toEqual([401, "SIGNATURE_INVALID"]);
    expect(await put({ ...headers, message: "granary-request-1:" })).toEqual([401, "SIGNATURE_INVALID"]);
    const bad = "granary-request-1:method=PUT";
    expect(await put({ ...headers, message: bad, signature: signMessage(alice, bad) })).toEqual([
      400,
      "SIGNATURE_MESSAGE_INVALID",
    ]);
    // None of these has used up the nonce.
    expect(await put(headers)).toEqual([202, "ok"]);
  });

  it("with another body than was signed leaves nothing behind", async () => {
    const before = [await network.database.upload.count(), (await network.stagedFiles()).length];
    expect(await put(signed(), PATH, "another body")).toEqual([400, "BODY_DIGEST_MISMATCH"]);
    expect([await network.database.upload.count(), (await network.stagedFiles()).length]).toEqual(before);
    nonces += 1;
    expect(await put(signed({ bodySha256: null }), PATH, "another body")).toEqual([202, "ok"]);
  });

  it("of an Ethereum key is for the account that the chain derives from it, and no other", async () => {
    const pair = secp256k1PairFromSeed(new Uint8Array(32).fill(7));
    const address = ethereumEncode(pair.publicKey);
    const account = accountOfEthereum(address);
    const sign = (message: string): Headers => {
      const text = Buffer.from(message);
      const prefixed = Buffer.concat([Buffer.from(`\u0019Ethereum Signed Message:\n${text.length}`), text]);
      const signature = u8aToHex(secp256k1Sign(prefixed, pair, "keccak"));
      return { ethacc: address, message, signature, territory: "home" };
    };
    expect(await put(sign(messageOf({ account })))).toEqual([202, "ok"]);
    nonces += 1;
    expect(await put(sign(messageOf({ account: alice.account })))).toEqual([401, "SIGNATURE_REQUEST_MISMATCH"]);
    const forAlice = { ...sign(messageOf({ account: alice.account })), account: alice.account };
    expect(await put(forAlice)).toEqual([403, "SIGNATURE_ACCOUNT_MISMATCH"]);
  });

  it("can be the only kind that a gateway takes", async () => {
    await network.restart({ SIGNATURE_MODE: "bound" });
    expect(await put(network.signed())).toEqual([401, "SIGNATURE_UNBOUND"]);
    expect(await put(signed())).toEqual([202, "ok"]);
    nonces += 1;
    // Behind a proxy the host is the public one, whatever the Host header says.
    await network.restart({ SIGNATURE_MODE: "bound", PUBLIC_URL: "https://gateway.example" });
    expect(await put(signed())).toEqual([401, "SIGNATURE_REQUEST_MISMATCH"]);
    expect(await put(signed({ host: "gateway.example" }))).toEqual([202, "ok"]);
    await network.restart();
  });
});
