import { randomUUID } from "node:crypto";
import type { ChainTransactionModel, Database } from "@granary/database";
import { type AccountId, CodedError } from "@granary/primitives";
import type { Clock, Observer, OpenTransaction, Purpose, TransactionRecord, TransactionStore } from "../ports.js";

const openStates = ["prepared", "submitted", "included"] as const;
/** Signing asks the node, while the lane is locked. */
const LANE_TIMEOUT_MS = 60_000;
/** Who submits follows at first; only then others look. */
const STALE_MS: Record<(typeof openStates)[number], number> = { prepared: 10_000, submitted: 10_000, included: 2_000 };

export function createPrismaTransactionStore(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly observer: Pick<Observer, "transaction" | "feePaid">;
}): TransactionStore {
  const { database, clock, observer } = parts;
  return {
    add: (lane, stateNonce, prepare) =>
      database.$transaction(
        async (tx) => {
          await tx.$executeRawUnsafe("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", `lane:${lane.account}`);
          const open = await tx.chainTransaction.findMany({
            where: { account: lane.account, state: { in: [...openStates] } },
            select: { nonce: true, purpose: true, reference: true },
          });
          if (open.some(({ purpose, reference }) => purpose === lane.purpose && reference === lane.reference)) {
            throw new CodedError("TX_OPEN", "conflict", "a transaction for this is under way", { ...lane });
          }
          const taken = new Set(open.map(({ nonce }) => nonce));
          let nonce = await stateNonce();
          while (taken.has(nonce)) nonce += 1;
          const { extrinsicHex, hash, birthBlock, deathBlock } = await prepare(nonce);
          const now = new Date(clock());
          const row = await tx.chainTransaction.create({
            data: {
              id: randomUUID(),
              ...lane,
              nonce,
              hash,
              extrinsic: extrinsicHex,
              birthBlock: BigInt(birthBlock),
              deathBlock: BigInt(deathBlock),
              createdAt: now,
              updatedAt: now,
            },
          });
          observer.transaction("prepared");
          return recordOf(row);
        },
        { timeout: LANE_TIMEOUT_MS, maxWait: LANE_TIMEOUT_MS },
      ),
    async mark(id, state, { from, untouchedSince, block, failure, fee } = {}) {
      const markedAt = clock();
      const { count } = await database.chainTransaction.updateMany({
        where: {
          id,
          state: from ?? { in: [...openStates] },
          ...(untouchedSince === undefined ? {} : { updatedAt: new Date(untouchedSince) }),
        },
        data: {
          state,
          updatedAt: new Date(markedAt),
          ...(block === undefined
            ? {}
            : { blockHash: block?.hash ?? null, blockNumber: block === null ? null : BigInt(block.number) }),
          ...(failure === undefined ? {} : { failureCode: failure.code, failureReason: failure.reason }),
        },
      });
      if (count > 0) observer.transaction(state);
      // Marked as included twice, after a reorganization, it is counted twice: both blocks said it was paid.
      if (count > 0 && fee !== undefined) observer.feePaid(fee);
      return count > 0 ? markedAt : null;
    },
    async find(id) {
      const row = await database.chainTransaction.findUnique({ where: { id } });
      return row && recordOf(row);
    },
    async openFor(purpose, reference) {
      const where = { purpose, reference, state: { in: [...openStates] } };
      const row = await database.chainTransaction.findFirst({ where, orderBy: { createdAt: "desc" } });
      return row && openRecordOf(row);
    },
    async claimStale(limit) {
      const now = clock();
      const stale = openStates.map((state) => ({ state, updatedAt: { lte: new Date(now - STALE_MS[state]) } }));
      const rows = await database.chainTransaction.findMany({
        where: { OR: stale },
        orderBy: { updatedAt: "asc" },
        take: limit,
      });
      const claimed = await Promise.all(
        rows.map(async (row) => {
          const where = { id: row.id, updatedAt: row.updatedAt };
          const { count } = await database.chainTransaction.updateMany({ where, data: { updatedAt: new Date(now) } });
          return count === 1 ? [openRecordOf(row)] : [];
        }),
      );
      return claimed.flat();
    },
  };
}

/** Of a row that was asked for by an open state. */
const openRecordOf = (row: ChainTransactionModel): OpenTransaction => recordOf(row) as OpenTransaction;

const recordOf = (row: ChainTransactionModel): TransactionRecord => ({
  id: row.id,
  account: row.account as AccountId,
  nonce: row.nonce,
  hash: row.hash,
  purpose: row.purpose as Purpose,
  reference: row.reference,
  extrinsicHex: row.extrinsic,
  birthBlock: Number(row.birthBlock),
  deathBlock: Number(row.deathBlock),
  state: row.state,
  block:
    row.blockHash === null || row.blockNumber === null
      ? null
      : { hash: row.blockHash, number: Number(row.blockNumber) },
  updatedAt: row.updatedAt.getTime(),
});
