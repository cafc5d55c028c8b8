import { asCodedError, CodedError } from "@granary/primitives";
import { type Log, traceStep } from "@granary/telemetry";
import type {
  BlockRef,
  ChainCall,
  ChainPort,
  Inclusion,
  OpenTransaction,
  Purpose,
  Signer,
  TransactionRecord,
  TransactionStore,
  WriterPort,
} from "../ports.js";

export interface SubmitPorts {
  readonly transactions: TransactionStore;
  readonly chain: Pick<ChainPort, "nonce" | "finalizedHead" | "bestHead" | "blockHash">;
  readonly writer: WriterPort;
  readonly signer: Signer;
  readonly log: Log;
}

/** Longest time that somebody waits here; after it the transaction is still followed, but by the follower. */
const INCLUSION_WAIT_MS = 45_000;

export interface Wanted {
  readonly purpose: Purpose;
  readonly reference: string;
  readonly call: ChainCall;
  /** Asked when the lane is ours: waiting for it takes its time, and others may have done it meanwhile. */
  readonly isDue?: () => Promise<boolean>;
}

/**
 * Signs, writes down, and only then submits; resolves when the transaction is in a block, also with a call that the
 * chain refused. Whoever gets an error reads the chain before trying again: the transaction may still be included.
 */
export async function submitTransaction(ports: SubmitPorts, order: Wanted, stopping?: AbortSignal): Promise<Inclusion> {
  const { signer, writer, chain, transactions } = ports;
  const { purpose, reference, call } = order;
  const { account } = signer;
  return traceStep(
    `submit ${purpose}`,
    { kind: "client", attributes: { "granary.reference": reference } },
    async () => {
      const record = await transactions.add(
        { account, purpose, reference },
        () => chain.nonce(account, "best"),
        async (nonce) => {
          if (order.isDue !== undefined && !(await order.isDue())) {
            throw new CodedError("TX_NOT_DUE", "conflict", "the chain has it by now", { purpose, reference });
          }
          return writer.prepare(signer, call, { nonce });
        },
      );
      return submitPrepared(ports, record, stopping);
    },
  );
}

/** First submission of a transaction that is written down. */
async function submitPrepared(
  ports: SubmitPorts,
  record: TransactionRecord,
  stopping: AbortSignal | undefined,
): Promise<Inclusion> {
  // From here on it may be in a pool: the mark says so before it can be true.
  const submittedAt = await ports.transactions.mark(record.id, "submitted");
  if (submittedAt === null) {
    throw new CodedError("TX_ABANDONED", "conflict", "somebody has given this transaction up meanwhile");
  }
  try {
    return await awaitInclusion(ports, record, stopping);
  } catch (thrown) {
    const error = asCodedError(thrown);
    // The pool has refused it, so it is nowhere, unless another replica has taken it up and offered it meanwhile: then a
    // used nonce may be its own.
    if (isRefusal(error.code)) {
      const failure = { code: error.code, reason: error.message };
      await ports.transactions.mark(record.id, "lost", { failure, untouchedSince: submittedAt });
    }
    throw error;
  }
}

const refusals = new Set([
  "TX_NONCE_STALE",
  "TX_NONCE_TAKEN",
  "TX_MORTALITY_EXPIRED",
  "TX_FEES_UNPAYABLE",
  "TX_POOL_FULL",
  "TX_BANNED",
  "TX_REFUSED",
]);
const isRefusal = (code: string): boolean => refusals.has(code);

async function awaitInclusion(
  ports: SubmitPorts,
  record: TransactionRecord,
  stopping: AbortSignal | undefined,
): Promise<Inclusion> {
  const updates = ports.writer.submit(record.extrinsicHex)[Symbol.asyncIterator]();
  const tooLate = timer(INCLUSION_WAIT_MS, stopping);
  try {
    while (true) {
      const next = await Promise.race([updates.next(), tooLate.rings]);
      if (next === "rang" || next.done === true) break;
      const update = next.value;
      if (update.kind === "inBlock" || update.kind === "finalized") {
        await recordInclusion(ports, record, update);
        return update;
      }
      if (update.kind !== "accepted" && update.kind !== "retracted") break;
    }
    throw new CodedError("TX_UNDECIDED", "timeout", "the transaction is not in a block yet", { hash: record.hash });
  } finally {
    tooLate.stop();
    // Not awaited: a generator that waits for the node ends when the node speaks.
    void updates.return?.()?.catch(() => undefined);
  }
}

/** Rings after the time, or when the service stops. */
function timer(ms: number, stopping: AbortSignal | undefined): { rings: Promise<"rang">; stop(): void } {
  let stop = () => {};
  const rings = new Promise<"rang">((resolve) => {
    const ring = () => resolve("rang");
    const handle = setTimeout(ring, ms);
    stopping?.addEventListener("abort", ring, { once: true });
    stop = () => {
      clearTimeout(handle);
      stopping?.removeEventListener("abort", ring);
    };
    if (stopping?.aborted === true) ring();
  });
  return { rings, stop: () => stop() };
}

async function recordInclusion(ports: SubmitPorts, record: TransactionRecord, inclusion: Inclusion): Promise<void> {
  const { block, outcome, fee } = inclusion;
  const paid = fee === undefined ? {} : { fee };
  if (outcome.ok) await ports.transactions.mark(record.id, "included", { block, ...paid });
  else {
    const failure = { code: outcome.error.code, reason: outcome.error.message };
    await ports.transactions.mark(record.id, "failed", { block, failure, ...paid });
  }
}

export type Settled = TransactionRecord["state"];

/** Never sent at this age, it was left by a process that died before it could. */
const ABANDONED_MS = 10_000;

/**
 * Finds out what became of an open transaction: first by looking for it in blocks, whatever was last known. What was
 * submitted and is nowhere is offered again, the same bytes, for as long as it can be included: with its one nonce it
 * cannot happen twice. After that it is lost, and whoever wanted it decides anew.
 */
export async function settleTransaction(ports: SubmitPorts, record: OpenTransaction, now: number): Promise<Settled> {
  const { chain, transactions, writer } = ports;
  const finalized = await chain.finalizedHead();
  if (record.state === "included" && record.block !== null) {
    const { block } = record;
    const isThere = (await chain.blockHash(block.number)) === block.hash;
    if (isThere && finalized.number < block.number) return "included";
    if (isThere) return (await transactions.mark(record.id, "finalized")) === null ? "included" : "finalized";
  }
  const inclusion = await writer.findInclusion(record.hash, record.birthBlock, record.deathBlock);
  if (inclusion !== null) {
    await recordInclusion(ports, record, inclusion);
    return inclusion.outcome.ok ? "included" : "failed";
  }
  const reason = await lossOf(ports, record, finalized, now);
  if (reason !== null) {
    const failure = { code: "TX_LOST", reason };
    const lostAt = await transactions.mark(record.id, "lost", { from: record.state, block: null, failure });
    return lostAt === null ? "submitted" : "lost";
  }
  if (record.state === "included") await transactions.mark(record.id, "submitted", { block: null });
  if (record.state !== "prepared") await offerAgain(ports, record);
  return record.state === "prepared" ? "prepared" : "submitted";
}

/**
 * Judged by the block that was final before blocks were searched: what that one has done with the nonce, the search has
 * seen. A node that does not have it has not seen so much, and its "not found" means nothing.
 */
async function lossOf(
  { chain }: SubmitPorts,
  record: TransactionRecord,
  finalized: BlockRef,
  now: number,
): Promise<string | null> {
  if ((await chain.blockHash(finalized.number)) !== finalized.hash) return null;
  if (finalized.number > record.deathBlock) return "its era ended before it was included";
  if (record.state === "prepared") return now - record.updatedAt > ABANDONED_MS ? "it was never submitted" : null;
  const nonce = await chain.nonce(record.account, finalized.hash);
  return nonce > record.nonce ? "another transaction took its nonce" : null;
}

/** Waits for no block: whoever looks after many would be kept from all the others, this one's predecessor among them. */
async function offerAgain(ports: SubmitPorts, record: TransactionRecord): Promise<void> {
  try {
    await ports.writer.offer(record.extrinsicHex);
  } catch (thrown) {
    // Refused as stale it is in a block by now; refused otherwise it stays open until its era is over.
    ports.log.thrown("an open transaction was refused when it was offered again", thrown, { hash: record.hash });
  }
}
