import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type ApiPromise, WsProvider } from "@polkadot/api";
import { Keyring } from "@polkadot/keyring";
import { createDevChain, type DevChain, TCESS } from "../src/index.js";
import { call, connect, eventually, freeOf, key, send } from "./client.js";

let chain: DevChain;
let api: ApiPromise;
const alice = () => key("//Alice");
const bob = () => key("//Bob");

beforeAll(async () => {
  chain = await createDevChain({ seal: "instant", finalityMs: 400 });
  await chain.start();
  api = await connect(chain.url);
});
afterAll(async () => {
  await api.disconnect();
  await chain.close();
});

const transfer = (value = TCESS) => call(api, "balances.transferKeepAlive", bob().address, value);
const balance = (at?: string) => freeOf(api, bob().address, at);

describe("an unmodified client", () => {
  it("learns what chain this is", async () => {
    expect(api.runtimeVersion.specName.toString()).toBe("cess-node");
    expect(api.runtimeVersion.specVersion.toNumber()).toBe(137);
    expect(api.registry.chainSS58).toBe(11330);
    expect(api.registry.chainTokens).toEqual(["TCESS"]);
    expect(api.genesisHash.toHex()).toBe(chain.genesisHash);
    expect(api.consts.balances?.existentialDeposit?.toString()).toBe(TCESS.toString());
  });

  it("sends money, sees it in a block and then final", async () => {
    const before = await balance();
    const sent = await send(api, transfer(3n * TCESS), alice());
    expect(sent.statuses).toEqual(["Ready", "InBlock", "Finalized"]);
    expect(sent.error).toBeUndefined();
    expect(sent.events).toEqual([
      "balances.Withdraw",
      "balances.Transfer",
      "transactionPayment.TransactionFeePaid",
      "system.ExtrinsicSuccess",
    ]);
    expect((await balance()) - before).toBe(3n * TCESS);
  });

  it("is told why a call failed", async () => {
    const sent = await send(api, call(api, "oss.destroy"), alice());
    expect(sent.error).toBe("oss.UnRegister");
    expect(sent.events.at(-1)).toBe("system.ExtrinsicFailed");
  });

  it("knows the fee before it pays it", async () => {
    const { partialFee } = await transfer().paymentInfo(alice());
    const sent = await send(api, transfer(), alice());
    const paid = sent.result.findRecord("transactionPayment", "TransactionFeePaid")!.event.data[1]!.toString();
    expect(paid).toBe(partialFee.toString());
  });

  it("may sign with any of the three kinds of key", async () => {
    for (const type of ["ed25519", "ecdsa", "sr25519"] as const) {
      const pair = new Keyring({ type, ss58Format: 11330 }).addFromUri(`//Other//${type}`);
      await send(api, call(api, "balances.transferKeepAlive", pair.address, 10n * TCESS), alice());
      expect([type, (await send(api, transfer(), pair)).error]).toEqual([type, undefined]);
    }
  });

  it("reads the past at a block's hash", async () => {
    const before = await balance();
    const at = (await api.rpc.chain.getHeader()).hash;
    await send(api, transfer(5n * TCESS), alice());
    expect(await balance(at.toHex())).toBe(before);
    expect(await balance()).toBe(before + 5n * TCESS);
    const { query } = await api.at(at);
    expect((await query.system?.account?.keys())?.length).toBeGreaterThan(6);
  });

  it("follows a value and the heads of the chain", async () => {
    const seen: string[] = [];
    const finals: number[] = [];
    const stopValue = (await api.query.system?.account?.(bob().address, (account: { toHex(): string }) => {
      seen.push(account.toHex());
    })) as unknown as () => void;
    const stopHeads = await api.rpc.chain.subscribeFinalizedHeads(
      (header) => void finals.push(header.number.toNumber()),
    );
    await send(api, transfer(), alice());
    await send(api, transfer(), alice());
    await eventually(
      () => seen.length,
      (count) => count === 3,
    );
    await eventually(
      () => finals.at(-1),
      (last) => last === chain.height,
    );
    expect(finals).toEqual(Array.from({ length: finals.length }, (_, i) => finals[0]! + i));
    stopValue();
    stopHeads();
  });

  it("finds in a block what it sent, after the time that the block's author says", async () => {
    const { blockHash } = await send(api, call(api, "system.remarkWithEvent", "0x1234"), alice());
    const { block } = await api.rpc.chain.getBlock(blockHash);
    expect(block.extrinsics.map(({ method }) => `${method.section}.${method.method}`)).toEqual([
      "timestamp.set",
      "system.remarkWithEvent",
    ]);
    expect(block.header.hash.toHex()).toBe(blockHash);
    const header = await api.derive.chain.getHeader(blockHash);
    expect(header.hash.toHex()).toBe(blockHash);
  });
});

describe("the runtime's own functions", () => {
  it("judge a transaction, price it and count its sender's nonce", async () => {
    const { taggedTransactionQueue, transactionPaymentApi, accountNonceApi } = api.call;
    const judge = async (options: Record<string, unknown>) => {
      const signed = await transfer().signAsync(alice(), options);
      return (await taggedTransactionQueue?.validateTransaction?.("External", signed, api.genesisHash))?.toJSON();
    };
    expect(await judge({})).toMatchObject({ ok: { propagate: true, requires: [] } });
    expect(await judge({ nonce: 0 })).toEqual({ err: { invalid: { stale: null } } });
    const signed = await transfer().signAsync(alice());
    const details = await transactionPaymentApi?.queryFeeDetails?.(signed.toU8a(), signed.encodedLength);
    const { partialFee } = await transfer().paymentInfo(alice());
    const { baseFee, lenFee } = (
      details as unknown as { inclusionFee: { unwrap(): Record<string, { toBigInt(): bigint }> } }
    ).inclusionFee.unwrap();
    expect(baseFee!.toBigInt() + lenFee!.toBigInt()).toBe(partialFee.toBigInt());
    const nonce = await accountNonceApi?.accountNonce?.(alice().address);
    expect(nonce?.toString()).toBe((await api.rpc.system.accountNextIndex(alice().address)).toString());
  });
});

describe("a transaction that cannot be taken", () => {
  /** Past the client's own checks and its log. */
  const submit = (hex: string) =>
    new WsProvider(chain.url).isReady.then(async (provider) => {
      try {
        return await provider.send("author_submitExtrinsic", [hex], false);
      } finally {
        await provider.disconnect();
      }
    });
  const signed = async (options: Record<string, unknown>, who = alice()) =>
    (await transfer().signAsync(who, options)).toHex();

  it("for its nonce, signature, form, or lack of money, is refused by the code that nodes use", async () => {
    await send(api, transfer(), alice());
    await expect(submit(await signed({ nonce: 0 }))).rejects.toThrow(
      /1010: Invalid Transaction: Transaction is outdated/,
    );
    await expect(submit(await signed({ tip: 10n ** 30n }))).rejects.toThrow(/1010.*pay some fees/);
    await expect(submit(await signed({}, key("//Nobody")))).rejects.toThrow(/1010.*pay some fees/);
    const good = await signed({});
    const forged = `${good.slice(0, -2)}${good.endsWith("0") ? "01" : "00"}`;
    await expect(submit(forged)).rejects.toThrow(/1010.*bad signature/);
    await expect(submit("0x1234")).rejects.toThrow(/1001/);
  });

  it("for its age is refused: an era ends", async () => {
    const { hash, number } = await api.rpc.chain.getHeader();
    const nonce = (await api.rpc.system.accountNextIndex(alice().address)).toNumber();
    const era = api.registry.createType("ExtrinsicEra", { current: number.toNumber(), period: 4 });
    const old = await transfer().signAsync(alice(), { nonce, era: era as never, blockHash: hash });
    for (let i = 0; i < 5; i += 1) chain.sealBlock();
    await expect(submit(old.toHex())).rejects.toThrow(/1010/);
  });

  it("that waits for an earlier nonce is taken when that one comes", async () => {
    const nonce = (await api.rpc.system.accountNextIndex(bob().address)).toNumber();
    const later = send(api, transfer(), bob(), { nonce: nonce + 1 });
    await eventually(
      async () => (await api.rpc.author.pendingExtrinsics()).length,
      (count) => count === 1,
    );
    const sooner = send(api, transfer(), bob(), { nonce });
    expect((await later).statuses[0]).toBe("Future");
    expect((await sooner).error).toBeUndefined();
  });

  it("that is there already, or pays less than its rival, is refused", async () => {
    const nonce = (await api.rpc.system.accountNextIndex(bob().address)).toNumber() + 5;
    const first = await transfer().signAsync(bob(), { nonce, tip: 5 });
    await submit(first.toHex());
    await expect(submit(first.toHex())).rejects.toThrow(/1013/);
    const cheaper = await transfer().signAsync(bob(), { nonce, tip: 4 });
    await expect(submit(cheaper.toHex())).rejects.toThrow(/1014/);
    const dearer = await transfer().signAsync(bob(), { nonce, tip: 6 });
    await submit(dearer.toHex());
    expect((await api.rpc.author.pendingExtrinsics()).map(({ hash }) => hash.toHex())).toEqual([dearer.hash.toHex()]);
  });
});

describe("the same port over HTTP", () => {
  const post = async (body: string) => {
    const response = await fetch(chain.url.replace("ws", "http"), { method: "POST", body });
    return (await response.json()) as { result?: unknown; error?: { code: number } };
  };

  it("answers requests, batches, and what is not one", async () => {
    expect((await post('{"id":1,"jsonrpc":"2.0","method":"system_chain"}')).result).toBe("granary-dev");
    const both = '[{"id":1,"method":"system_name"},{"id":2,"method":"system_syncState","params":[]}]';
    expect(await post(both)).toHaveLength(2);
    expect((await post("{")).error?.code).toBe(-32700);
    expect((await post('{"id":1,"method":"no_such"}')).error?.code).toBe(-32601);
    expect((await post('{"id":1,"method":"state_getStorage","params":["xyz"]}')).error?.code).toBe(-32602);
    const unknown = `{"id":1,"method":"state_getStorage","params":["0x00","0x${"00".repeat(32)}"]}`;
    expect((await post(unknown)).error?.code).toBe(4003);
  });

  it("tells its health", async () => {
    const response = await fetch(`${chain.url.replace("ws", "http")}/health`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ height: chain.height, finalized: expect.any(Number) });
  });
});
