import { connectChain, type SegmentDeclaration, type Signer } from "@granary/chain-client";
import { connectDatabase, createOutbox, type Database } from "@granary/database";
import type { AccountId, Fid, UploadId } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import { createPrismaDealStore } from "../../src/adapters/prisma-deal-store.js";
import { createPrismaTransactionStore } from "../../src/adapters/prisma-transaction-store.js";
import { declareDeal } from "../../src/flow/declare-deal.js";
import { followTransactions } from "../../src/flow/follow-transactions.js";
import { uploadOfJob } from "../../src/flow/queue-due.js";
import { reviewDue } from "../../src/flow/review-deal.js";
import type { SubmitPorts } from "../../src/flow/submit-transaction.js";
import type { CallsPort, Observer } from "../../src/ports.js";

export interface Order {
  readonly uploadId: UploadId;
  readonly fid: Fid;
  readonly segments: readonly SegmentDeclaration[];
  readonly owner: AccountId;
  readonly territory: string;
}

/** As much of a scheduler as declares orders and follows them: no miners, no bytes. */
export interface Replica {
  readonly database: Database;
  readonly ports: SubmitPorts & { readonly calls: Pick<CallsPort, "uploadDeclaration"> };
  open(order: Order): Promise<void>;
  stop(): Promise<void>;
}

/** So many times faster than time: the patience of the flows passes sooner. */
const HASTE = 10;
/** Renewed by the clock of the machine. */
const LEASE_MS = 600_000;
const REVIEW_MS = 10_000;
const IDLE_MS = 50;
const startedAt = Date.now();
const clock = () => startedAt + (Date.now() - startedAt) * HASTE;
const nobody = new Proxy({}, { get: () => () => undefined }) as Observer;
/** What other replicas opened is declared by this one too. */
const orders = new Map<UploadId, Order>();

export async function createReplica(parts: {
  readonly databaseUrl: string;
  readonly chainUrls: readonly string[];
  readonly signer: Signer;
}): Promise<Replica> {
  const chain = await connectChain({
    urls: parts.chainUrls,
    log: silentLog,
    watchSilenceMs: 500,
    compareMs: 200,
    graceMs: 500,
  });
  const database = connectDatabase({ url: parts.databaseUrl, poolSize: 6 });
  const outbox = createOutbox(database, "scheduling");
  const miners = { judge: async () => null, claimProbes: async () => new Set<never>() };
  const deals = createPrismaDealStore({ database, outbox, miners, clock, leaseMs: LEASE_MS, observer: nobody });
  const ports = {
    deals,
    transactions: createPrismaTransactionStore({ database, clock, observer: nobody }),
    manifests: { segments: async (uploadId: UploadId) => orders.get(uploadId)?.segments ?? [] },
    chain: chain.reader,
    writer: chain.writer,
    calls: chain.calls,
    signer: parts.signer,
    clock,
    observer: nobody,
    log: silentLog,
  };
  const rules = { leaseMs: LEASE_MS, obstaclePatienceMs: Number.POSITIVE_INFINITY, reviewMs: REVIEW_MS };
  const stopping = new AbortController();
  // As from a queue: one that waits for its block keeps none from beginning.
  const declaring = new Set<Promise<unknown>>();
  const declare = (uploadId: UploadId) => {
    const work = declareDeal(ports, rules, uploadId, stopping.signal)
      .catch(() => undefined)
      .finally(() => declaring.delete(work));
    declaring.add(work);
  };
  const step = {
    declare: async () => {
      for (const { name } of await deals.dueDeclarations(50)) declare(uploadOfJob(name));
    },
    follow: async () => void (await followTransactions(ports)),
    review: async () => void (await reviewDue(ports, REVIEW_MS)),
  };
  const loops = Object.values(step).map(async (work) => {
    while (!stopping.signal.aborted) {
      // What fails for want of a node is tried again.
      await work().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    }
  });
  return {
    database,
    ports,
    async open(order) {
      const { uploadId, fid, segments, owner, territory } = order;
      orders.set(uploadId, order);
      const deal = { uploadId, fid, account: owner, territory, name: "file.bin", sizeBytes: 1000, stagedBytes: 1000 };
      await database.$transaction((tx) => deals.open({ ...deal, segmentCount: segments.length, placement: null }, tx));
    },
    async stop() {
      stopping.abort();
      await Promise.all([...loops, ...declaring]);
      await chain.close();
      await database.$disconnect();
    },
  };
}
