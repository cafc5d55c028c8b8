import { randomUUID } from "node:crypto";
import { cp, rm } from "node:fs/promises";
import type { BlockRef, ChainClient } from "@granary/chain-client";
import { migrate } from "@granary/database";
import type { CodedError, UploadId } from "@granary/primitives";
import {
  type Cast,
  type ChainProcess,
  connect,
  createCast,
  fileOf,
  poll,
  prepareNetwork,
  type Server,
  startChain,
  startPostgres,
  temporaryFolder,
} from "@granary/testnet";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { settleTransaction, submitTransaction } from "../src/flow/submit-transaction.js";
import { createReplica, type Order, type Replica } from "./support/replica.js";

const WAIT_MS = 180_000;
const TEN_MINUTES_MS = 600_000;
const faults = { DEV_CHAIN_SEAL: "manual", DEV_CHAIN_FAULTS: "on" };
/** An era is 64 blocks: what the flows do within seconds is well within one. */
const BEAT_MS = 100;

/** Orders of a gateway on the development chain, whose blocks, pool and finality do what each test asks for. */
describe("an order is declared once", () => {
  let folder: string;
  let postgres: Server;
  let chain: ChainProcess;
  /** A node ten minutes old, at rest. */
  let stale: ChainProcess;
  let client: ChainClient;
  let cast: Cast;
  const replicas: Replica[] = [];
  let beat: NodeJS.Timeout | undefined;
  /** What was final when the test began. */
  let begin: BlockRef;

  beforeAll(async () => {
    folder = await temporaryFolder("order-faults");
    [postgres, chain] = await Promise.all([
      startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
      startChain(folder, faults),
    ]);
    await chain.ask("dev_shiftClock", -TEN_MINUTES_MS);
    await migrate(postgres.url);
    client = await connect(chain.url);
    cast = await createCast(12);
    startBeat();
    await prepareNetwork(client, cast);
    stopBeat();
    await cp(chain.dataDir, `${folder}/stale`, { recursive: true });
    stale = await startChain(folder, faults, "stale");
    await chain.ask("dev_shiftClock", 0);
  });
  afterAll(async () => {
    stopBeat();
    await client?.close();
    await Promise.all([chain?.process.stop(), stale?.process.stop(), postgres?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    // Whatever the test before has left.
    await chain.process.start();
    await chain.ask("dev_stallFinality", false);
    await chain.ask("dev_limitPool", null);
    await until("the node is there", () => client.isConnected());
    begin = await client.reader.finalizedHead();
    startBeat();
  });
  afterEach(async () => {
    for (const replica of replicas.splice(0)) await replica.stop();
  });

  /** Blocks come by themselves. */
  function startBeat(): void {
    // While the node is away no block comes.
    beat ??= setInterval(() => void seal(1).catch(() => undefined), BEAT_MS);
  }
  function stopBeat(): void {
    clearInterval(beat);
    beat = undefined;
  }
  const seal = (count: number) => chain.ask("dev_sealBlocks", count);
  const pending = async () => (await chain.ask<string[]>("author_pendingExtrinsics")).length;

  async function startReplica(chainUrls: readonly string[] = [chain.url]): Promise<Replica> {
    const replica = await createReplica({ databaseUrl: postgres.url, chainUrls, signer: cast.gateway });
    replicas.push(replica);
    return replica;
  }

  async function until(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
    if (!(await poll(ask, WAIT_MS))) throw new Error(`did not happen in time: ${what}`);
  }

  const newOrder = (label: string): Order => ({
    uploadId: randomUUID() as UploadId,
    ...fileOf(`${label} ${randomUUID()}`),
    owner: cast.owner.account,
    territory: "default",
  });

  const rowsOf = ({ uploadId }: Order) =>
    (replicas[0] as Replica).database.chainTransaction.findMany({
      where: { reference: uploadId },
      orderBy: { createdAt: "asc" },
    });
  const rowOf = async (order: Order, place: 0 | -1) => {
    const row = (await rowsOf(order)).at(place);
    if (row === undefined) throw new Error("the order has no transaction");
    return row;
  };
  const firstRowOf = (order: Order) => rowOf(order, 0);
  const lastRowOf = (order: Order) => rowOf(order, -1);
  const isIncluded = async (order: Order) => (await rowsOf(order)).some(({ state }) => state === "included");
  const dealOf = ({ uploadId }: Order) =>
    (replicas[0] as Replica).database.deal.findUniqueOrThrow({ where: { uploadId } });
  const stateOf = async (order: Order) => (await dealOf(order)).state;

  /** How often each of the orders is in finalized blocks since the test began. */
  async function timesOnChain(orders: readonly Order[]): Promise<number[]> {
    const head = await client.reader.finalizedHead();
    const times = new Map<string, number>(orders.map(({ fid }) => [fid, 0]));
    if (head.hash === begin.hash) return [...times.values()];
    for await (const block of client.reader.followFinalized({ after: begin, signal: new AbortController().signal })) {
      for (const event of block.events) {
        const before = event.kind === "dealDeclared" ? times.get(event.fid) : undefined;
        if (before !== undefined && event.kind === "dealDeclared") times.set(event.fid, before + 1);
      }
      if (block.number >= head.number) break;
    }
    return [...times.values()];
  }

  /** Waits for two changes of a time: whoever made the first may have looked at the chain before this was called. */
  async function untilLater(what: string, timeOf: () => Promise<Date>): Promise<void> {
    for (let changes = 0; changes < 2; changes += 1) {
      const before = await timeOf();
      await until(what, async () => (await timeOf()) > before);
    }
  }
  const untilReviewed = (order: Order) =>
    untilLater("the order is compared with the chain", async () => (await dealOf(order)).updatedAt);
  /** Of transactions that are under way: others nobody looks for. */
  const untilLookedAt = (...orders: Order[]) =>
    Promise.all(
      orders.map((order) =>
        untilLater("its transaction is looked for", async () => {
          const { state, updatedAt } = await lastRowOf(order);
          expect(["submitted", "included"]).toContain(state);
          return updatedAt;
        }),
      ),
    );

  /** Waits until all is at rest: then each order stands once, by a transaction that is in a final block and is told so. */
  async function expectOnce(...orders: Order[]): Promise<void> {
    startBeat();
    for (const order of orders) {
      await until("the order stands", async () => (await stateOf(order)) === "placing");
      await until("its transactions are at their end", async () =>
        (await rowsOf(order)).every(({ state }) => state === "finalized" || state === "lost"),
      );
      const final = (await rowsOf(order)).filter(({ state }) => state === "finalized");
      expect(final).toHaveLength(1);
      const { blockNumber, blockHash, hash } = final.at(0) ?? (await firstRowOf(order));
      const inclusion = await client.writer.findInclusion(hash, Number(blockNumber), Number(blockNumber));
      expect(inclusion?.block.hash).toBe(blockHash);
    }
    expect(await timesOnChain(orders)).toEqual(orders.map(() => 1));
  }

  /** An order whose transaction waits in the pool while no block comes. */
  async function orderInPool(replica: Replica, label: string): Promise<Order> {
    await until("the pool is empty", async () => (await pending()) === 0);
    stopBeat();
    const order = newOrder(label);
    await replica.open(order);
    await until("the pool has it", async () => (await pending()) === 1);
    return order;
  }

  /** Whether a transaction of each order waits in the pool. */
  async function areInPool(orders: readonly Order[]): Promise<boolean> {
    const waiting = new Set(await chain.ask<string[]>("author_pendingExtrinsics"));
    const rows = await Promise.all(orders.map(rowsOf));
    return rows.every((those) => those.some(({ extrinsic }) => waiting.has(extrinsic)));
  }

  const fates = ["again", "later", "never"] as const;
  const depths = Array.from({ length: 10 }, (_, i) => [i + 1, fates[i % fates.length]] as const);
  it.each(depths)(
    "although its block is retired by a reorganization of depth %i, its transaction %s",
    async (depth, fate) => {
      const order = await orderInPool(await startReplica(), `reorganized ${depth}`);
      await chain.ask("dev_stallFinality", true);
      await seal(depth);
      await until("the order is in a block", () => isIncluded(order));
      await chain.ask("dev_reorganize", depth, fate);
      await chain.ask("dev_stallFinality", false);
      await expectOnce(order);
    },
  );

  it("although finality stalls for longer than its era", async () => {
    const replica = await startReplica();
    await until("blocks are final", async () => (await client.reader.finalizedHead()).number > 0);
    await chain.ask("dev_stallFinality", true);
    const early = newOrder("early in the stall");
    await replica.open(early);
    await until("it is in a block", () => isIncluded(early));
    await seal(200);
    await untilLookedAt(early);
    const late = newOrder("late in the stall");
    await replica.open(late);
    await until("it is in a block", () => isIncluded(late));
    expect((await rowsOf(early)).map(({ state }) => state)).toEqual(["included"]);
    await chain.ask("dev_stallFinality", false);
    await expectOnce(early, late);
  });

  it.each([
    ["tells", true],
    ["does not tell", false],
  ] as const)("although the node drops its transaction and %s so", async (_, isTold) => {
    const order = await orderInPool(await startReplica(), "dropped");
    const { hash } = await firstRowOf(order);
    expect(await chain.ask("dev_dropTransaction", hash, isTold)).toBe(true);
    await expectOnce(order);
  });

  it("although another transaction of the account usurps its nonce", async () => {
    const order = await orderInPool(await startReplica(), "usurped");
    const { nonce } = await firstRowOf(order);
    const { writer, calls } = client;
    const rival = calls.transfer(cast.owner.account, 10n ** 18n);
    const { extrinsicHex } = await writer.prepare(cast.gateway, rival, { nonce, tip: 10n ** 15n });
    await chain.ask("author_submitExtrinsic", extrinsicHex);
    // No block but this one: that its era ends is not what it is lost by.
    await seal(1);
    await until("it is lost", async () => (await firstRowOf(order)).state === "lost");
    expect((await firstRowOf(order)).failureReason).toMatch(/took its nonce/);
    await expectOnce(order);
  });

  it("although its era ends before a block has it", async () => {
    const order = await orderInPool(await startReplica(), "expired");
    const { hash } = await firstRowOf(order);
    await chain.ask("dev_limitPool", 0);
    await chain.ask("dev_dropTransaction", hash, true);
    await seal(70);
    await until("it is lost", async () => (await rowsOf(order))[0]?.state === "lost");
    await chain.ask("dev_limitPool", null);
    await expectOnce(order);
    expect((await rowsOf(order))[0]?.failureReason).toMatch(/era ended/);
  });

  it("although another replica takes it for abandoned at the moment of its submission", async () => {
    const { ports } = await startReplica();
    const { chain: reader, writer, signer, transactions } = ports;
    const { uploadId, owner, ...order } = newOrder("hesitant");
    const call = ports.calls.uploadDeclaration({ ...order, owner, name: "file.bin", sizeBytes: 1000 });
    const read = await transactions.add(
      { account: signer.account, purpose: "declare", reference: uploadId },
      () => reader.nonce(signer.account, "best"),
      (nonce) => writer.prepare(signer, call, { nonce }),
    );
    if (read.state !== "prepared") throw new Error("it is not new");
    await transactions.mark(read.id, "submitted");
    const muchLater = read.updatedAt + 3_600_000;
    expect(await settleTransaction(ports, { ...read, state: read.state }, muchLater)).toBe("submitted");
    expect((await transactions.find(read.id))?.state).not.toBe("lost");
    await until("it is final", async () => (await transactions.find(read.id))?.state === "finalized");
  });

  it("although two replicas decide to at the same time", async () => {
    const { ports } = await startReplica();
    const { uploadId, owner, ...order } = newOrder("decided twice");
    const call = ports.calls.uploadDeclaration({ ...order, owner, name: "file.bin", sizeBytes: 1000 });
    const wanted = { purpose: "declare", reference: uploadId, call } as const;
    const isDue = async () => (await client.reader.deal(order.fid, "best")) === null;
    const outcomes = await Promise.allSettled([
      submitTransaction(ports, { ...wanted, isDue }),
      submitTransaction(ports, { ...wanted, isDue }),
      submitTransaction(ports, { ...wanted, isDue }),
    ]);
    const refusals = outcomes.flatMap((one) => (one.status === "rejected" ? [(one.reason as CodedError).code] : []));
    expect(refusals).toHaveLength(2);
    for (const code of refusals) expect(["TX_OPEN", "TX_NOT_DUE"]).toContain(code);
    await until("it is final", async () => (await timesOnChain([{ uploadId, owner, ...order }]))[0] === 1);
  });

  it("although no block comes for long, and the others are looked after meanwhile", async () => {
    const order = await orderInPool(await startReplica(), "waiting for a block");
    await untilLookedAt(order);
    await expectOnce(order);
  });

  it("although the pool is full at first", async () => {
    const replica = await startReplica();
    await chain.ask("dev_limitPool", 0);
    const order = newOrder("pool full");
    await replica.open(order);
    await until("it is refused", async () => (await rowsOf(order)).some((row) => row.failureCode === "TX_POOL_FULL"));
    await chain.ask("dev_limitPool", null);
    await expectOnce(order);
  });

  it("although the node is killed with the transaction in its pool, and after it was in a block", async () => {
    const replica = await startReplica();
    const forgotten = await orderInPool(replica, "forgotten");
    await chain.process.kill9();
    await chain.process.start();
    await until("the pool has it again", async () => (await pending()) === 1);
    await expectOnce(forgotten);
    const included = await orderInPool(replica, "included");
    await seal(1);
    await chain.process.kill9();
    await chain.process.start();
    await expectOnce(included);
    for (const order of [forgotten, included]) expect(await rowsOf(order)).toHaveLength(1);
  });

  it("although every subscription goes silent", async () => {
    const replica = await startReplica();
    const order = await orderInPool(replica, "silent");
    const { writer } = replica.ports;
    const nonce = await client.reader.nextNonce(cast.owner.account);
    const gift = client.calls.transfer(cast.gateway.account, 10n ** 18n);
    const { extrinsicHex } = await writer.prepare(cast.owner, gift, { nonce });
    const told: string[] = [];
    for await (const { kind } of writer.submit(extrinsicHex)) {
      told.push(kind);
      if (kind !== "accepted") continue;
      await chain.ask("dev_silenceSubscriptions");
      startBeat();
    }
    expect(told).toEqual(["accepted", "inBlock", "finalized"]);
    await expectOnce(order);
  });

  it("although for a while the only node that answers is ten minutes old", async () => {
    const replica = await startReplica([chain.url, stale.url]);
    const standing = newOrder("standing");
    await replica.open(standing);
    await expectOnce(standing);
    const waiting = await orderInPool(replica, "waiting");
    await chain.process.kill9();
    const old = Number((await stale.ask<{ number: string }>("chain_getHeader")).number);
    const seenHead = () =>
      replica.ports.chain.bestHead().then(
        ({ number }) => number,
        () => -1,
      );
    await until("the old node is in use", async () => (await seenHead()) === old);
    await untilReviewed(standing);
    await untilLookedAt(waiting);
    expect([await stateOf(standing), (await firstRowOf(waiting)).state]).toEqual(["placing", "submitted"]);
    await chain.process.start();
    await until("the old node is left", async () => (await seenHead()) > old);
    await expectOnce(standing, waiting);
  });

  it("by two replicas with one account, through reorganizations", async () => {
    const both = [await startReplica(), await startReplica()];
    const orders: Order[] = [];
    await chain.ask("dev_stallFinality", true);
    stopBeat();
    for (const fate of fates) {
      const wave = Array.from({ length: 6 }, (_, i) => newOrder(`shared ${i}, ${fate}`));
      orders.push(...wave);
      await Promise.all(wave.map((order, i) => (both[i % 2] as Replica).open(order)));
      await until("the pool has them all", () => areInPool(wave));
      await seal(4);
      await until("they are in a block", async () => (await Promise.all(wave.map(isIncluded))).every((is) => is));
      await untilLookedAt(...wave);
      await chain.ask("dev_reorganize", 4, fate);
    }
    await chain.ask("dev_stallFinality", false);
    await expectOnce(...orders);
    const rows = (await Promise.all(orders.map(rowsOf))).flat();
    const nonces = rows.flatMap(({ state, nonce }) => (state === "finalized" ? [nonce] : [])).sort((a, b) => a - b);
    expect(nonces).toEqual(nonces.map((_, i) => (nonces[0] as number) + i));
    expect(rows.map(({ failureCode }) => failureCode)).not.toContain("TX_NONCE_TAKEN");
  });

  it("again, when the chain was set back to before it", async () => {
    const replica = await startReplica();
    const before = newOrder("before the snapshot");
    await replica.open(before);
    await expectOnce(before);
    stopBeat();
    await chain.process.stop();
    await cp(chain.dataDir, `${folder}/snapshot`, { recursive: true });
    await chain.process.start();
    const after = newOrder("after the snapshot");
    await replica.open(after);
    await expectOnce(after);
    stopBeat();
    await chain.process.stop();
    await rm(chain.dataDir, { recursive: true });
    await cp(`${folder}/snapshot`, chain.dataDir, { recursive: true });
    await chain.process.start();
    expect(await poll(() => client.isConnected(), WAIT_MS)).toBe(true);
    expect(await timesOnChain([before, after])).toEqual([1, 0]);
    startBeat();
    await until("it is there again", async () => (await client.reader.deal(after.fid)) !== null);
    await until("the order stands", async () => (await stateOf(after)) === "placing");
    expect(await timesOnChain([before, after])).toEqual([1, 1]);
  });
});
