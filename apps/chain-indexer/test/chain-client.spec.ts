import { rm } from "node:fs/promises";
import {
  type ChainClient,
  connectChain,
  type FinalizedBlock,
  loadSigner,
  type SubmissionUpdate,
} from "@granary/chain-client";
import { CodedError } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import {
  allColumns,
  type Cast,
  type ChainProcess,
  connect,
  createCast,
  declare,
  fileOf,
  poll,
  prepareNetwork,
  report,
  startChain,
  temporaryFolder,
} from "@granary/testnet";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startSilentProxy } from "./silent-proxy.js";

/** Longest wait for what is sure to come. */
const WAIT_MS = 120_000;

const GiB = 2 ** 30;
const TOKEN = 10n ** 18n;

describe("the chain client on a development chain", () => {
  let folder: string;
  let chain: ChainProcess;
  let client: ChainClient;
  let cast: Cast;

  beforeAll(async () => {
    folder = await temporaryFolder("chain-client");
    chain = await startChain(folder);
    client = await connect(chain.url);
    cast = await createCast(13);
    await prepareNetwork(client, cast);
  });

  afterAll(async () => {
    await client?.close();
    await chain?.process.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => "no error",
      (error: unknown) => (error instanceof CodedError ? `${error.code} ${error.category}` : String(error)),
    );

  it("reads territories, authorizations, miners and balances in our words", async () => {
    const { reader } = client;
    const { owner, gateway, miners } = cast;
    const territory = await reader.territory(owner.account, "default");
    expect(territory).toMatchObject({ account: owner.account, state: "active", totalBytes: 10 * GiB, usedBytes: 0 });
    expect(await reader.territories(owner.account)).toEqual([territory]);
    expect(await reader.territoryOfToken(territory?.token ?? "")).toEqual({ account: owner.account, name: "default" });
    expect(await reader.territory(owner.account, "other")).toBeNull();
    expect(await reader.isAuthorized(owner.account, gateway.account)).toBe(true);
    expect(await reader.isAuthorized(gateway.account, owner.account)).toBe(false);
    const pages = [];
    for await (const page of reader.miners()) pages.push(...page);
    expect(pages.map((miner) => miner.account).sort()).toEqual(miners.map((miner) => miner.account).sort());
    const first = await reader.miner(miners[0]?.account ?? gateway.account);
    expect(first).toMatchObject({ state: "positive", endpoint: "http://127.0.0.1:15000", idleBytes: 10 * GiB });
    expect(await reader.miner(gateway.account)).toBeNull();
    expect(await reader.freeBalance(owner.account)).toBeGreaterThan(10n ** 18n);
    expect(reader.existentialDeposit).toBe(TOKEN);
    expect(await reader.unitPrice()).toEqual({ amount: TOKEN, days: 1 });
  });

  it("carries a file from declaration over twelve reports to active and deletes it", async () => {
    const { reader, writer, calls } = client;
    const after = await reader.finalizedHead();
    const fid = await declare(client, cast, "whole", 2);
    const open = await reader.deal(fid);
    expect(open).toMatchObject({ owner: { account: cast.owner.account, territory: "default", name: "whole.bin" } });
    expect(open?.segments).toEqual(fileOf("whole", 2).segments);
    // Columns come in any order; the chain keeps the order of reporting.
    await report(client, cast, fid, [7, 3]);
    const reports = (await reader.deal(fid))?.reports.map(({ index }) => index);
    expect(reports).toEqual([7, 3]);
    await report(
      client,
      cast,
      fid,
      allColumns.filter((index) => index !== 7 && index !== 3),
    );
    expect(await reader.deal(fid)).toBeNull();
    const file = await reader.file(fid);
    expect(file).toMatchObject({ state: "active", sizeBytes: 1000 });
    const columns = file?.segments.map((segment) => segment.fragments.map((fragment) => fragment.miner));
    const miners = cast.miners.slice(0, 12).map((miner) => miner.account);
    expect(columns).toEqual([miners, miners]);
    expect(await reader.holdings(cast.owner.account)).toMatchObject([{ territory: "default", fid }]);
    await writer.signAndFinalize(cast.gateway, calls.deleteFile(cast.owner.account, fid));
    expect(await reader.file(fid)).toBeNull();
    const kinds = (await blocksSince(after.number, after.hash)).flatMap(({ events }) => events.map(({ kind }) => kind));
    for (const kind of ["dealDeclared", "columnReport", "storageCompleted", "fileDeleted"])
      expect(kinds).toContain(kind);
  });

  async function blocksSince(number: number, hash: string): Promise<FinalizedBlock[]> {
    const head = await client.reader.finalizedHead();
    const blocks: FinalizedBlock[] = [];
    const stopping = new AbortController();
    if (head.number === number) return blocks;
    for await (const block of client.reader.followFinalized({ after: { number, hash }, signal: stopping.signal })) {
      blocks.push(block);
      if (block.number >= head.number) break;
    }
    return blocks;
  }

  it("gives finalized blocks in order without gaps, from genesis on", async () => {
    const genesis = await client.reader.blockHash(0);
    const blocks = await blocksSince(0, genesis ?? "");
    expect(blocks.length).toBeGreaterThan(15);
    let parent = genesis;
    for (const [index, block] of blocks.entries()) {
      expect(block.number).toBe(index + 1);
      expect(block.parentHash).toBe(parent);
      parent = block.hash;
    }
  });

  it("refuses to go on from a block that this chain does not have", async () => {
    const follow = async () => {
      const after = { number: 3, hash: `0x${"ab".repeat(32)}` };
      for await (const _ of client.reader.followFinalized({ after, signal: new AbortController().signal })) return;
    };
    expect(await codeOf(follow())).toBe("CHAIN_HISTORY_MISMATCH conflict");
  });

  it("notices that the chain is behind for good where the node lost its newest blocks", async () => {
    const head = await client.reader.finalizedHead();
    const follow = async () => {
      const after = { number: head.number + 100, hash: `0x${"ab".repeat(32)}` };
      for await (const _ of client.reader.followFinalized({ after, signal: new AbortController().signal })) return;
    };
    expect(await codeOf(follow())).toBe("CHAIN_HISTORY_MISMATCH conflict");
  });

  it("says what the chain refused in our codes", async () => {
    const { writer, calls } = client;
    const { owner, gateway } = cast;
    const stranger = await loadSigner("//Dave");
    const { fid, segments } = fileOf("refused");
    const declaration = { fid, segments, owner: owner.account, name: "refused", territory: "default", sizeBytes: 1 };
    const declared = (signer: typeof stranger, change: object) =>
      codeOf(writer.signAndInclude(signer, calls.uploadDeclaration({ ...declaration, ...change })));
    expect(await declared(stranger, {})).toBe("GATEWAY_NOT_AUTHORIZED denied");
    expect(await declared(gateway, { territory: "nowhere" })).toBe("TERRITORY_UNKNOWN absent");
    expect(await declared(gateway, { name: "x" })).toBe("DECLARATION_INVALID invalid");
    expect(await declared(gateway, fileOf("big", 200))).toBe("TERRITORY_FULL exhausted");
    expect(await codeOf(writer.signAndInclude(owner, calls.mintTerritory("default", 1, 30)))).toBe(
      "TERRITORY_EXISTS conflict",
    );
    expect(await codeOf(writer.signAndInclude(owner, calls.mintTerritory("huge", 100_000, 30)))).toBe(
      "NETWORK_SPACE_SHORT exhausted",
    );
    expect(await codeOf(writer.signAndInclude(owner, calls.transferReport(1, fid)))).toBe("MINER_UNKNOWN absent");
    expect(await codeOf(writer.signAndInclude(owner, calls.sudo(calls.destroyGateway())))).not.toBe("no error");
  });

  it("tells that a report was made before", async () => {
    const fid = await declare(client, cast, "twice");
    await report(client, cast, fid, [1]);
    expect(await codeOf(report(client, cast, fid, [1]))).toBe("CHAIN_ENTRY_EXISTS conflict");
  });

  it("finds a prepared extrinsic again by its hash, with its outcome", async () => {
    const { writer, reader, calls } = client;
    const { gateway, owner } = cast;
    const nonce = await reader.nextNonce(gateway.account);
    const prepared = await writer.prepare(gateway, calls.transfer(owner.account, 2n * TOKEN), { nonce });
    expect(prepared.deathBlock - prepared.birthBlock).toBe(63);
    expect(await writer.findInclusion(prepared.hash, prepared.birthBlock, prepared.deathBlock)).toBeNull();
    const updates: SubmissionUpdate[] = [];
    for await (const update of writer.submit(prepared.extrinsicHex)) updates.push(update);
    expect(updates.map(({ kind }) => kind)).toEqual(["accepted", "inBlock", "finalized"]);
    const found = await writer.findInclusion(prepared.hash, prepared.birthBlock, prepared.deathBlock);
    expect(found).toEqual({ ...updates.at(-1), kind: undefined });
    expect(found?.outcome.ok).toBe(true);
  });

  it("names a used nonce, and an account that cannot pay", async () => {
    const { writer, calls } = client;
    // Alice has paid for everybody.
    const stale = await writer.prepare(await loadSigner("//Alice"), calls.destroyGateway(), { nonce: 0 });
    const submit = async (hex: string) => {
      for await (const _ of writer.submit(hex)) return;
    };
    expect(await codeOf(submit(stale.extrinsicHex))).toBe("TX_NONCE_STALE conflict");
    const pauper = await loadSigner("//Test//pauper");
    const unpaid = await writer.prepare(pauper, calls.destroyGateway(), { nonce: 0 });
    expect(await codeOf(submit(unpaid.extrinsicHex))).toBe("TX_FEES_UNPAYABLE exhausted");
  });

  it("sends many transactions of one account at once", async () => {
    const { writer, calls } = client;
    const payer = await loadSigner("//Ferdie");
    const transfer = () => writer.signAndInclude(payer, calls.transfer(cast.owner.account, TOKEN));
    const inclusions = await Promise.all(Array.from({ length: 12 }, transfer));
    expect(inclusions.every(({ outcome }) => outcome.ok)).toBe(true);
    expect(await client.reader.nonce(payer.account, "best")).toBe(12);
  });

  it("brings a transaction to its end although the node is killed under way and forgets it", async () => {
    const { writer, reader, calls } = client;
    const payer = await loadSigner("//Ferdie");
    const nonce = await reader.nextNonce(payer.account);
    const prepared = await writer.prepare(payer, calls.transfer(cast.owner.account, TOKEN), { nonce });
    await chain.process.kill9();
    const submitting = (async () => {
      const kinds: string[] = [];
      // Nobody is there to take it; the caller tries again with the same bytes.
      while (kinds.at(-1) !== "finalized") {
        try {
          for await (const { kind } of writer.submit(prepared.extrinsicHex)) {
            kinds.push(kind);
            if (kind === "accepted" && kinds.length === 1) {
              await chain.process.kill9();
              await chain.process.start();
            }
          }
        } catch (error) {
          if (!(error instanceof CodedError) || error.code !== "CHAIN_UNREACHABLE") throw error;
        }
      }
      return kinds;
    })();
    await chain.process.start();
    expect((await submitting).at(-1)).toBe("finalized");
    const found = await writer.findInclusion(prepared.hash, prepared.birthBlock, prepared.deathBlock);
    expect(found?.outcome.ok).toBe(true);
    expect(await reader.nonce(payer.account, "best")).toBe(nonce + 1);
  });

  it("estimates the fee that is then taken", async () => {
    const { writer, reader, calls } = client;
    const payer = await loadSigner("//Eve");
    const call = calls.transfer(cast.owner.account, TOKEN);
    const fee = await writer.estimateFee(payer, call);
    const before = await reader.freeBalance(payer.account);
    await writer.signAndFinalize(payer, call);
    expect(before - (await reader.freeBalance(payer.account)) - TOKEN).toBe(fee);
  });

  it("leaves a node that goes silent without closing the connection, and misses no block", async () => {
    const proxy = await startSilentProxy(chain.url);
    // After this time without an answer it takes the node for gone.
    const other = await connectChain({
      urls: [proxy.url],
      log: silentLog,
      pollMs: 500,
      behindMs: 2_000,
      requestTimeoutMs: 5_000,
    });
    const stopping = new AbortController();
    const numbers: number[] = [];
    const after = await other.reader.finalizedHead();
    const following = (async () => {
      let last = after;
      while (!stopping.signal.aborted) {
        try {
          for await (const block of other.reader.followFinalized({ after: last, signal: stopping.signal })) {
            numbers.push(block.number);
            last = block;
          }
        } catch (error) {
          if (!(error instanceof CodedError) || error.code !== "CHAIN_UNREACHABLE") throw error;
        }
      }
    })();
    await declare(client, cast, "before the silence");
    expect(await poll(() => numbers.length > 0, WAIT_MS)).toBe(true);
    proxy.silence();
    await declare(client, cast, "in the silence");
    const head = await client.reader.finalizedHead();
    expect(await poll(() => (numbers.at(-1) ?? 0) >= head.number, WAIT_MS)).toBe(true);
    stopping.abort();
    await following;
    await other.close();
    await proxy.close();
    expect(numbers).toEqual(numbers.map((_, index) => after.number + 1 + index));
  });

  it("goes on following after the node was killed and came back", async () => {
    const stopping = new AbortController();
    const after = await client.reader.finalizedHead();
    const numbers: number[] = [];
    const following = (async () => {
      let last = after;
      while (!stopping.signal.aborted) {
        try {
          for await (const block of client.reader.followFinalized({ after: last, signal: stopping.signal })) {
            numbers.push(block.number);
            last = block;
          }
        } catch (error) {
          if (!(error instanceof CodedError) || error.code !== "CHAIN_UNREACHABLE") throw error;
        }
      }
    })();
    await declare(client, cast, "before the kill");
    await chain.process.kill9();
    await chain.process.start();
    expect(await poll(() => client.isConnected(), WAIT_MS)).toBe(true);
    await declare(client, cast, "after the kill");
    const head = await client.reader.finalizedHead();
    expect(await poll(() => (numbers.at(-1) ?? 0) >= head.number, WAIT_MS)).toBe(true);
    stopping.abort();
    await following;
    expect(numbers).toEqual(numbers.map((_, index) => after.number + 1 + index));
  });
});
