import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { WsProvider } from "@polkadot/api";
import { encode, fromHex, type Hex, toHex } from "../src/engine/codec.js";
import { encodeHeader, type Header } from "../src/engine/header.js";
import { createDevChain, type DevChain, TCESS } from "../src/index.js";
import { call, connect, eventually, freeOf, key, read, send } from "./client.js";

/** These need the runtime of a chain, which the repository has not: a raw chain specification of CESS, by its path. */
const spec = process.env.GRANARY_CHAIN_SPEC ?? "";
const given = spec === "" ? describe.skip : describe;

const opened: { close(): Promise<unknown> | unknown }[] = [];
const open = <T extends { close(): unknown }>(one: T): T => {
  opened.unshift(one);
  return one;
};
let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "wasm-engine-"));
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  fs.rmSync(folder, { recursive: true });
});

const start = async (more: Parameters<typeof createDevChain>[0] = {}): Promise<DevChain> => {
  const config = { seal: "instant", finalityMs: 20, spec: { path: spec, keys: "development" } } as const;
  const chain = open(await createDevChain({ ...config, ...more }));
  await chain.start();
  return chain;
};
const client = async (chain: DevChain) => {
  const api = await connect(chain.url);
  open({ close: () => api.disconnect() });
  return api;
};

given("a chain on the runtime of GRANARY_CHAIN_SPEC", () => {
  it("is to an unmodified client the chain that the specification says, and pays for transfers in finalized blocks", async () => {
    const chain = await start();
    const api = await client(chain);
    const { name, properties } = JSON.parse(fs.readFileSync(spec, "utf8"));
    expect((await api.rpc.system.chain()).toString()).toBe(name);
    expect(api.registry.chainSS58).toBe(properties.ss58Format);
    const bob = key("//Bob").address;
    const before = await freeOf(api, bob);
    const sent = await send(api, call(api, "balances.transferKeepAlive", bob, 3n * TCESS), key("//Alice"));
    expect(sent.statuses.at(-1)).toBe("Finalized");
    expect(sent.events).toEqual(expect.arrayContaining(["balances.Transfer", "system.ExtrinsicSuccess"]));
    expect(await freeOf(api, bob)).toBe(before + 3n * TCESS);
    expect(await freeOf(api, bob, chain.genesisHash)).toBe(before);
    const { partialFee } = await call(api, "system.remark", "0x00").paymentInfo(key("//Alice"));
    expect(partialFee.toBigInt()).toBeGreaterThan(0n);
  });

  it("makes blocks that claim one slot after another, six seconds of chain time each", async () => {
    const chain = await start({ seal: "manual" });
    const api = await client(chain);
    const times: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const { hash } = chain.sealBlock();
      times.push(await read<number>(api, "timestamp.now", [], hash));
    }
    expect(times.slice(1).map((time, i) => time - times[i]!)).toEqual([6000, 6000, 6000, 6000]);
    expect(Math.abs(times[0]! - Date.now())).toBeLessThan(600_000);
  });

  it("refuses in a node's words what the runtime refuses", async () => {
    const chain = await start();
    const api = await client(chain);
    const submit = (hex: string) => api.rpc.author.submitExtrinsic(hex);
    const remark = () => call(api, "system.remark", "0x00");
    await send(api, remark(), key("//Alice"));
    const stale = (await remark().signAsync(key("//Alice"), { nonce: 0 })).toHex();
    await expect(submit(stale)).rejects.toThrow(/1010: Invalid Transaction: Transaction is outdated/);
    const poor = (await remark().signAsync(key("//Nobody"))).toHex();
    await expect(submit(poor)).rejects.toThrow(/1010: Invalid Transaction: Inability to pay some fees/);
    const signed = (await remark().signAsync(key("//Alice"))).toHex();
    // The last byte is the remark's.
    await expect(submit(signed.replace(/..$/, "01"))).rejects.toThrow(/1010: Invalid Transaction: .*bad signature/);
    const later = (await remark().signAsync(key("//Alice"), { nonce: 2 })).toHex();
    await submit(later);
    const height = chain.height;
    await send(api, remark(), key("//Alice"), { nonce: 1 });
    await eventually(
      () => read<{ nonce: number }>(api, "system.account", [key("//Alice").address]),
      ({ nonce }) => nonce === 3,
    );
    expect(chain.height).toBeGreaterThan(height);
  });

  it("outlives its runtime's traps: an error for the one who asked, and the next block is made", async () => {
    const chain = await start();
    const api = await client(chain);
    await expect(api.rpc.state.call("Core_execute_block", "0x1234")).rejects.toThrow(/-32000: .*Execution failed/);
    await expect(api.rpc.state.call("No_such", "0x")).rejects.toThrow(/Exported method No_such is not found/);
    const header = (await api.rpc.chain.getHeader()).toHex();
    await expect(api.rpc.state.call("OffchainWorkerApi_offchain_worker", header)).rejects.toThrow(
      /the host has no function ext_offchain_/,
    );
    const sent = await send(api, call(api, "system.remark", "0x00"), key("//Alice"));
    expect(sent.error).toBeUndefined();
  });

  it("fits many transactions of many accounts in their order, however they come", async () => {
    const chain = await start({ seal: "manual" });
    const api = await client(chain);
    const names = ["//Alice", "//Bob", "//Charlie", "//Dave"];
    const signed = await Promise.all(
      names.flatMap((name) =>
        [4, 3, 2, 1, 0].map((nonce) => call(api, "system.remark", "0x00").signAsync(key(name), { nonce })),
      ),
    );
    for (const transaction of signed) await api.rpc.author.submitExtrinsic(transaction.toHex());
    chain.sealBlock();
    for (const name of names) {
      expect(await read(api, "system.account", [key(name).address])).toMatchObject({ nonce: 5 });
    }
  });

  it("goes on where it ended: blocks, state, the past, and the next slot", async () => {
    const first = await start({ dataDir: folder });
    const api = await client(first);
    const bob = key("//Bob").address;
    const initially = await freeOf(api, bob);
    await send(api, call(api, "balances.transferKeepAlive", bob, TCESS), key("//Alice"));
    const head = await api.rpc.chain.getHeader();
    const { genesisHash, height } = first;
    for (const one of opened.splice(0)) await one.close();

    const second = await start({ dataDir: folder });
    expect([second.genesisHash, second.height]).toEqual([genesisHash, height]);
    const after = await client(second);
    expect((await after.rpc.chain.getHeader()).toJSON()).toEqual(head.toJSON());
    expect(await freeOf(after, bob, genesisHash)).toBe(initially);
    const sent = await send(after, call(after, "balances.transferKeepAlive", bob, TCESS), key("//Alice"));
    expect(sent.error).toBeUndefined();
    expect(await freeOf(after, bob)).toBe(initially + 2n * TCESS);
  });

  it("commits to the state as the runtime itself does: a block that it made, it verifies", async () => {
    const chain = await start();
    const api = await client(chain);
    const sent = await send(api, call(api, "system.remarkWithEvent", "0xbeef"), key("//Alice"));
    const block = await rawBlock(chain.url, sent.blockHash);
    const verify = (stateRoot: Hex) =>
      api.rpc.state.call(
        "Core_execute_block",
        blockBytes({ ...block, header: { ...block.header, stateRoot } }),
        block.header.parentHash,
      );
    expect((await verify(block.header.stateRoot)).toHex()).toBe("0x");
    await expect(verify(`0x${"11".repeat(32)}`)).rejects.toThrow(/Execution failed/);
  });

  it("without development keys leaves the specification's first state as it is", async () => {
    const own = await start({ spec: { path: spec, keys: "own" } });
    const changed = await start();
    expect(own.genesisHash).not.toBe(changed.genesisHash);
    const api = await client(own);
    const { top } = JSON.parse(fs.readFileSync(spec, "utf8")).genesis.raw;
    expect(api.query.sudo!.key!.key() in top).toBe(true);
    const raw = await api.rpc.state.getStorage(api.query.sudo!.key!.key());
    expect(raw?.toString()).toContain(top[api.query.sudo!.key!.key()].slice(2));
  });
});

interface RawBlock {
  readonly header: Header;
  readonly extrinsics: readonly Hex[];
}

/** A block as the chain sends it, not as the client understands it. */
async function rawBlock(url: string, hash: string): Promise<RawBlock> {
  const provider = new WsProvider(url);
  try {
    await provider.isReady;
    const { block } = await provider.send("chain_getBlock", [hash]);
    const { digest, number, ...roots } = block.header;
    return { header: { ...roots, number: Number(number), logs: digest.logs }, extrinsics: block.extrinsics };
  } finally {
    await provider.disconnect();
  }
}

const blockBytes = ({ header, extrinsics }: RawBlock): Hex =>
  toHex(Buffer.concat([encodeHeader(header), encode("Compact<u32>", extrinsics.length), ...extrinsics.map(fromHex)]));

describe("a chain specification", () => {
  const refusal = (content: string) => {
    const file = path.join(folder, "spec.json");
    fs.writeFileSync(file, content);
    return createDevChain({ spec: { path: file, keys: "own" } });
  };
  const raw = (top: Record<string, string>) => JSON.stringify({ name: "chain", genesis: { raw: { top } } });

  it("that is none is refused with the reason", async () => {
    await expect(createDevChain({ spec: { path: path.join(folder, "none"), keys: "own" } })).rejects.toThrow(
      /CHAIN_SPEC_INVALID|cannot be read as JSON/,
    );
    await expect(refusal("{")).rejects.toThrow(/cannot be read as JSON/);
    await expect(refusal(JSON.stringify({ name: "chain", genesis: { runtime: {} } }))).rejects.toThrow(/--raw/);
    await expect(refusal(raw({ "0x01": "0xzz" }))).rejects.toThrow(/not 0x-hexadecimal/);
    await expect(refusal(raw({ "0x01": "0x02" }))).rejects.toThrow(/has no runtime/);
    await expect(refusal(raw({ "0x3a636f6465": "0x1234" }))).rejects.toThrow(/no WebAssembly/);
    await expect(refusal(raw({ "0x3a636f6465": "0x52bc537646db8e05ffff" }))).rejects.toThrow(/cannot be decompressed/);
  });
});
