import { nextDeclarationStep, type Obstacle, type Order, obstacleOfRefusal } from "@granary/domain/deal";
import { compareContent } from "@granary/domain/object";
import { asCodedError, type UploadId } from "@granary/primitives";
import type {
  CallsPort,
  ChainPort,
  Clock,
  DealRecord,
  DealStore,
  Inclusion,
  ManifestPort,
  Observer,
} from "../ports.js";
import { keepLease } from "./keep-lease.js";
import { readChain, readOrder } from "./read-order.js";
import { type SubmitPorts, settleTransaction, submitTransaction } from "./submit-transaction.js";

export interface DeclarePorts extends SubmitPorts {
  readonly deals: Pick<
    DealStore,
    "claimDeclaration" | "renewDeclaration" | "releaseDeclaration" | "beginDeclaration" | "change"
  >;
  readonly manifests: ManifestPort;
  readonly chain: Pick<
    ChainPort,
    "bestHead" | "finalizedHead" | "blockHash" | "nonce" | "file" | "deal" | "territory" | "isAuthorized"
  >;
  readonly calls: Pick<CallsPort, "uploadDeclaration">;
  readonly clock: Clock;
  readonly observer: Pick<Observer, "declared">;
}

export interface DeclareRules {
  readonly leaseMs: number;
  /** How long something that can pass may be in the way. */
  readonly obstaclePatienceMs: number;
  /** When an order that stands is compared with the chain for the first time. */
  readonly reviewMs: number;
}

export type DeclareOutcome = "not-due" | "declared" | "active" | "waiting" | "failed" | "retried";

const SOON_MS = 1_000;
const PAUSE_MAX_MS = 30_000;

/**
 * Brings one order a step further: reads what the chain says, does the one thing that follows from it, and leaves a time
 * to look again. Called anew after every crash and every doubt; nothing is done from memory.
 */
export async function declareDeal(
  ports: DeclarePorts,
  rules: DeclareRules,
  uploadId: UploadId,
  stopping?: AbortSignal,
): Promise<DeclareOutcome> {
  const record = await ports.deals.claimDeclaration(uploadId);
  if (record === null) return "not-due";
  const renew = () => ports.deals.renewDeclaration(uploadId);
  const lease = keepLease({ leaseMs: rules.leaseMs, renew, log: ports.log });
  try {
    const outcome = await takeStep(ports, rules, record, stopping);
    ports.observer.declared(outcome);
    return outcome;
  } catch (thrown) {
    return await retryLater(ports, record, thrown);
  } finally {
    lease.stop();
    await ports.deals.releaseDeclaration(uploadId);
  }
}

async function takeStep(
  ports: DeclarePorts,
  rules: DeclareRules,
  record: DealRecord,
  stopping: AbortSignal | undefined,
): Promise<DeclareOutcome> {
  const { uploadId } = record;
  const open = await ports.transactions.openFor("declare", uploadId);
  if (open !== null) {
    const settled = await settleTransaction(ports, open, ports.clock());
    if (settled === "prepared" || settled === "submitted") return wait(ports, record, null);
  }
  const order = await readOrder(ports, record);
  const step = nextDeclarationStep(order, await readChain(ports.chain, record, ports.signer.account));
  switch (step.do) {
    case "activate":
      await ports.deals.change(uploadId, (deal) => {
        deal.apply({ kind: "activated", block: step.block, miners: step.miners });
      });
      return "active";
    case "adopt":
      if (!(await ports.deals.beginDeclaration(uploadId))) return wait(ports, record, null);
      return settleDeclared(ports, rules, record, step.block);
    case "declare":
      if (!(await ports.deals.beginDeclaration(uploadId))) return wait(ports, record, null);
      return declare(ports, rules, { record, order, joins: step.joins }, stopping);
    case "wait":
      return wait(ports, record, step.code);
    case "stop":
      return meetObstacle(ports, rules, record, step.obstacle);
    default:
      return step satisfies never;
  }
}

async function declare(
  ports: DeclarePorts,
  rules: DeclareRules,
  wanted: { readonly record: DealRecord; readonly order: Order; readonly joins: boolean },
  stopping: AbortSignal | undefined,
): Promise<DeclareOutcome> {
  const { record, order, joins } = wanted;
  const { uploadId, fid, account: owner, territory, name, sizeBytes } = record;
  const call = ports.calls.uploadDeclaration({ fid, segments: order.segments, owner, name, territory, sizeBytes });
  const isDue = async () => joins || (await ports.chain.deal(fid, "best")) === null;
  const transaction = { purpose: "declare", reference: uploadId, call, isDue } as const;
  const inclusion = await submitTransaction(ports, transaction, stopping);
  if (!inclusion.outcome.ok) return meetObstacle(ports, rules, record, obstacleOfRefusal(inclusion.outcome.error));
  // Joined, the file has to be seen as ours in a finalized block.
  if (joins || !(await isOurs(ports, record, order, inclusion))) return wait(ports, record, null);
  return settleDeclared(ports, rules, record, inclusion.block.number);
}

/** Reads the deal back from the block: somebody else may have declared the same FID in it, after us. */
async function isOurs(ports: DeclarePorts, record: DealRecord, order: Order, inclusion: Inclusion): Promise<boolean> {
  const deal = await ports.chain.deal(record.fid, inclusion.block.hash);
  return deal !== null && deal.owner.account === record.account && compareContent(order, deal) === "same";
}

async function settleDeclared(
  ports: DeclarePorts,
  rules: DeclareRules,
  record: DealRecord,
  block: number,
): Promise<DeclareOutcome> {
  await ports.deals.change(record.uploadId, (deal) => {
    deal.apply({ kind: "declared", block });
    deal.setObstacle(null);
    deal.lookAgainAt(ports.clock() + rules.reviewMs);
  });
  return "declared";
}

async function wait(ports: DeclarePorts, record: DealRecord, code: string | null): Promise<DeclareOutcome> {
  // Somebody else's order may stay open for very long; everything of ours is decided within blocks.
  const isLong = code === "DEAL_OPEN_ELSEWHERE";
  await ports.deals.change(record.uploadId, (deal) => {
    if (isLong) deal.apply({ kind: "declaration-withdrawn" });
    deal.setObstacle(code === null ? null : { code, reason: "waiting for the chain" });
    deal.lookAgainAt(ports.clock() + (isLong ? pauseMs(ports, record) : SOON_MS));
  });
  return "waiting";
}

async function meetObstacle(
  ports: DeclarePorts,
  rules: DeclareRules,
  record: DealRecord,
  obstacle: Obstacle,
): Promise<DeclareOutcome> {
  const { code, reason, canPass } = obstacle;
  const isOver = !canPass || ports.clock() - record.since > rules.obstaclePatienceMs;
  ports.log.info(isOver ? "a deal has failed" : "a deal waits for an obstacle to pass", {
    uploadId: record.uploadId,
    code,
  });
  await ports.deals.change(record.uploadId, (deal) => {
    if (isOver) deal.apply({ kind: "failed", failure: { code, reason } });
    else {
      deal.apply({ kind: "declaration-withdrawn" });
      deal.setObstacle({ code, reason });
      deal.lookAgainAt(ports.clock() + pauseMs(ports, record));
    }
  });
  return isOver ? "failed" : "waiting";
}

async function retryLater(ports: DeclarePorts, record: DealRecord, thrown: unknown): Promise<DeclareOutcome> {
  const error = asCodedError(thrown);
  ports.log.thrown("declaring a deal will be tried again", error, { uploadId: record.uploadId });
  await ports.deals.change(record.uploadId, (deal) => {
    deal.setObstacle({ code: error.code, reason: error.message });
    deal.lookAgainAt(ports.clock() + (error.code === "TX_UNDECIDED" ? SOON_MS : pauseMs(ports, record)));
  });
  ports.observer.declared("retried");
  return "retried";
}

/** The older the deal, the longer the pause: a quarter of its age. */
const pauseMs = (ports: DeclarePorts, record: DealRecord): number =>
  Math.min(PAUSE_MAX_MS, Math.max(SOON_MS, (ports.clock() - record.since) / 4));
