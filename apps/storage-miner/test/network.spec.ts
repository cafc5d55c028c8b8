import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { BlockRef } from "@granary/chain-client";
import type { AccountId, Fid, FragmentHash } from "@granary/primitives";
import { ZERO_FRAGMENT_HASH } from "@granary/primitives";
import { type Behaviour, type MinerHost, type MinerSpec, type StorageMiner, startMiners } from "@granary/storage-miner";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  buyTerritory,
  type Chain,
  Closing,
  declare,
  eventually,
  freePort,
  hostConfig,
  minerSpec,
  openGateway,
  randomFragment,
  segmentWith,
  startChain,
  temporaryFolder,
} from "./harness.js";

const MINERS = 13;
const zeros = ZERO_FRAGMENT_HASH as FragmentHash;
const closing = new Closing();
let chain: Chain;
let dir: string;
let specs: MinerSpec[];
let host: MinerHost;
let before: BlockRef;

beforeAll(async () => {
  dir = await temporaryFolder(closing);
  chain = await startChain(closing);
  specs = await Promise.all(Array.from({ length: MINERS }, (_, number) => minerSpec(dir, number)));
  before = await chain.client.reader.finalizedHead();
  host = await startMiners(hostConfig(chain, specs));
  closing.add(null, () => host.stop());
  await buyTerritory(chain);
});
afterAll(() => closing.all());

const folderOf = async (miner: StorageMiner, place: "report" | "file" | "tmp", fid = ""): Promise<string[]> =>
  (await readdir(join(dir, miner.account, place, fid)).catch(() => [])).sort();

const reportsOf = async (fid: Fid) => (await chain.client.reader.deal(fid, "best"))?.reports ?? [];

async function restart(change: (spec: MinerSpec) => MinerSpec = (spec) => spec): Promise<void> {
  await host.stop();
  host = await startMiners(hostConfig(chain, specs.map(change)));
}

const minerAt = (place: number): StorageMiner => host.miners[place] as StorageMiner;

describe("registration", () => {
  it("brings all miners on chain within a few blocks, ready to take fragments", async () => {
    const miners = await chain.client.reader.minersOf(
      specs.map(({ signer }) => signer.account),
      "best",
    );
    for (const { signer, endpoint } of specs) {
      expect(miners.get(signer.account)).toMatchObject({ state: "positive", endpoint, idleBytes: 1024 ** 4 });
    }
    // One after another they would take a block each.
    expect(await blocksWithRegistrations()).toBeLessThan(MINERS / 2);
  });

  async function blocksWithRegistrations(): Promise<number> {
    const stop = new AbortController();
    let registered = 0;
    let blocks = 0;
    for await (const block of chain.client.reader.followFinalized({ after: before, signal: stop.signal })) {
      const here = block.events.filter(({ kind }) => kind === "minerRegistered").length;
      registered += here;
      if (here > 0) blocks += 1;
      if (registered === MINERS) stop.abort();
    }
    return blocks;
  }

  it("a restart costs no transaction, and a new address is told to the chain", async () => {
    const nonces = () => Promise.all(specs.map(({ signer }) => chain.client.reader.nonce(signer.account, "best")));
    const before = await nonces();
    expect(before).toEqual(specs.map(() => 1));
    await restart();
    expect(await nonces()).toEqual(before);
    const port = await freePort();
    const moved = { port, endpoint: `http://127.0.0.1:${port}` };
    specs[0] = { ...(specs[0] as MinerSpec), ...moved };
    await restart();
    const account = (specs[0] as MinerSpec).signer.account;
    expect((await chain.client.reader.miner(account, "best"))?.endpoint).toBe(moved.endpoint);
  });
});

describe("a column", () => {
  it("is taken only for an open deal, reported when it is whole, and survives a restart", async () => {
    const gateway = await openGateway(closing);
    const [first, second] = [randomFragment(), randomFragment()];
    const { endpoint, account } = minerAt(1);
    const put = (fid: Fid, { hash, bytes }: typeof first) =>
      gateway.putFragment({ endpoint, fid, fragment: hash, bytes });
    await expect(put("ab".repeat(32) as Fid, first)).rejects.toMatchObject({ code: "MINER_DEAL_NOT_SEEN" });
    const fid = await declare(chain, [segmentWith({ 5: first.hash }), segmentWith({ 5: second.hash })]);
    await expect(put(fid, randomFragment())).rejects.toMatchObject({ code: "MINER_DEAL_NOT_SEEN" });
    await put(fid, first);
    const read = await gateway.getFragment({ endpoint, fid, fragment: first.hash });
    expect(Buffer.compare(read, first.bytes)).toBe(0);
    expect(await reportsOf(fid)).toEqual([]);
    await restart();
    await put(fid, second);
    await eventually(async () => (await reportsOf(fid)).length > 0);
    expect(await reportsOf(fid)).toEqual([{ index: 5, miner: account }]);
    await restart();
    const again = await gateway.getFragment({ endpoint, fid, fragment: second.hash });
    expect(Buffer.compare(again, second.bytes)).toBe(0);
    expect(minerAt(1).counters).toMatchObject({ gets: 1, reports: 0 });
  });

  it("that twelve miners could all claim is claimed by each once, and the thirteenth drops its copy", async () => {
    const gateway = await openGateway(closing);
    const own = randomFragment();
    const fid = await declare(chain, [
      segmentWith(Object.fromEntries(Array.from({ length: 12 }, (_, i) => [i + 1, zeros]))),
    ]);
    const send = (miner: StorageMiner) => gateway.putFragment({ endpoint: miner.endpoint, fid, fragment: zeros });
    await Promise.all(host.miners.map(send));
    await expect(
      gateway.putFragment({ endpoint: minerAt(0).endpoint, fid, fragment: own.hash, bytes: own.bytes }),
    ).rejects.toMatchObject({ code: "MINER_DEAL_NOT_SEEN" });
    const file = await eventually(async () => (await chain.client.reader.file(fid)) ?? undefined, 120_000);
    const holders = new Set(file.segments[0]?.fragments.map(({ miner }) => miner));
    expect(holders.size).toBe(12);
    await eventually(
      async () => (await Promise.all(host.miners.map((one) => folderOf(one, "report", fid)))).flat().length === 0,
    );
    for (const miner of host.miners) {
      expect(await folderOf(miner, "file", fid)).toEqual(holders.has(miner.account) ? [zeros] : []);
    }
    await deletion(fid, holders);
  });

  async function deletion(fid: Fid, holders: ReadonlySet<AccountId>): Promise<void> {
    const { writer, calls } = chain.client;
    await restart();
    const kept = host.miners.filter(({ account }) => holders.has(account));
    expect((await Promise.all(kept.map((one) => folderOf(one, "file", fid)))).flat()).toHaveLength(12);
    await writer.signAndFinalize(chain.alice, calls.deleteFile(chain.alice.account, fid));
    await eventually(
      async () => (await Promise.all(kept.map((one) => folderOf(one, "file", fid)))).flat().length === 0,
    );
    expect(kept.flatMap((one) => one.store.fids).includes(fid)).toBe(false);
  }
});

describe("misbehaviour", () => {
  afterEach(async () => {
    await Promise.all(host.miners.map(({ account }) => host.behave(account, { kind: "honest" })));
  });

  async function held() {
    const gateway = await openGateway(closing);
    // Only for reads that shall be late: on a busy machine honest ones take their time too.
    const impatient = await openGateway(closing, { getAnswerTimeoutMs: 1500 });
    const fragment = randomFragment();
    const fid = await declare(chain, [segmentWith({ 1: fragment.hash })]);
    const { endpoint, account } = minerAt(2);
    await gateway.putFragment({ endpoint, fid, fragment: fragment.hash, bytes: fragment.bytes });
    const wanted = { endpoint, fid, fragment: fragment.hash };
    const get = () => gateway.getFragment(wanted);
    const getSoon = () => impatient.getFragment(wanted);
    return { gateway, fragment, fid, endpoint, account, get, getSoon };
  }

  it.each<[Behaviour, string]>([
    [{ kind: "dead" }, "MINER_UNREACHABLE"],
    [{ kind: "corrupt" }, "FRAGMENT_DIGEST_MISMATCH"],
    [{ kind: "truncate", bytes: 100_000 }, "MINER_UNREACHABLE"],
    [{ kind: "stall", bytes: 100_000 }, "MINER_TIMEOUT"],
    [{ kind: "endless" }, "FRAGMENT_LENGTH_MISMATCH"],
    [{ kind: "slow", bytesPerSecond: 20_000, latencyMs: 0 }, "MINER_TIMEOUT"],
    [{ kind: "slow", bytesPerSecond: 1e9, latencyMs: 3000 }, "MINER_TIMEOUT"],
  ])("%j is seen by a reader as %s, and ends when it is honest again", async (behaviour, code) => {
    const { account, fragment, get, getSoon } = await held();
    await host.behave(account, behaviour);
    await expect((code === "MINER_TIMEOUT" ? getSoon : get)()).rejects.toMatchObject({ code });
    await host.behave(account, { kind: "honest" });
    expect(Buffer.compare(await get(), fragment.bytes)).toBe(0);
  });

  it("one that refuses takes nothing", async () => {
    const { gateway, fid, endpoint, account, get } = await held();
    await host.behave(account, { kind: "refuse", code: 500, msg: "disk full" });
    const put = gateway.putFragment({ endpoint, fid, fragment: zeros });
    await expect(put).rejects.toMatchObject({ code: "MINER_REFUSED", details: { reason: "disk full" } });
    await get();
  });

  it("one that is silent accepts and never reports, until it is honest", async () => {
    const gateway = await openGateway(closing);
    const [silent, other] = [minerAt(3), minerAt(4)];
    await host.behave(silent.account, { kind: "silent" });
    const [first, second] = [randomFragment(), randomFragment()];
    const fid = await declare(chain, [segmentWith({ 1: first.hash, 2: second.hash })]);
    await gateway.putFragment({ endpoint: silent.endpoint, fid, fragment: first.hash, bytes: first.bytes });
    const { number } = await chain.client.reader.bestHead();
    await gateway.putFragment({ endpoint: other.endpoint, fid, fragment: second.hash, bytes: second.bytes });
    await eventually(async () => (await reportsOf(fid)).length > 0);
    await eventually(async () => (await chain.client.reader.bestHead()).number > number + 12);
    expect(await reportsOf(fid)).toEqual([{ index: 2, miner: other.account }]);
    await host.behave(silent.account, { kind: "honest" });
    await eventually(async () => (await reportsOf(fid)).length === 2);
  });
});
