import type { Order } from "@granary/domain/deal";
import { compareContent } from "@granary/domain/object";
import type { UploadId } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type { ChainPort, Clock, DealRecord, DealStore, LockedDeal, ManifestPort } from "../ports.js";
import { applyReports } from "./apply-reports.js";
import { fileAt, readOrder } from "./read-order.js";

export interface ReviewPorts {
  readonly deals: Pick<DealStore, "find" | "attempts" | "change" | "dueReviews">;
  readonly manifests: ManifestPort;
  readonly chain: Pick<ChainPort, "finalizedHead" | "file" | "deal">;
  readonly clock: Clock;
  readonly log: Log;
}

const BATCH = 32;
const AT_A_TIME = 8;

/** Reviews the deals whose turn it is; one that cannot be reviewed now does not keep the others waiting. */
export async function reviewDue(ports: ReviewPorts, reviewMs: number): Promise<"busy" | "idle"> {
  const due = [...(await ports.deals.dueReviews(BATCH))];
  const isMore = due.length === BATCH;
  let failures = 0;
  const work = async () => {
    for (let uploadId = due.shift(); uploadId !== undefined; uploadId = due.shift()) {
      try {
        await reviewDeal(ports, reviewMs, uploadId);
      } catch (error) {
        failures += 1;
        ports.log.thrown("a deal could not be compared with the chain", error, { uploadId });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  return isMore && failures === 0 ? "busy" : "idle";
}

type Finding = (deal: LockedDeal) => void;

/**
 * Compares an order that stands with the finalized chain and makes up for every message that did not come: reports, the
 * file's completion, an order that vanished or was taken over.
 */
export async function reviewDeal(ports: ReviewPorts, reviewMs: number, uploadId: UploadId): Promise<void> {
  const record = await ports.deals.find(uploadId);
  if (record?.deal.state !== "placing") return;
  const { declaredBlock } = record.deal;
  const finding = await findOut(ports, { ...record, declaredBlock }, await readOrder(ports, record));
  await ports.deals.change(uploadId, (deal) => {
    finding(deal);
    deal.lookAgainAt(ports.clock() + reviewMs);
  });
}

async function findOut(
  ports: ReviewPorts,
  record: DealRecord & { readonly declaredBlock: number },
  order: Order,
): Promise<Finding> {
  const { chain } = ports;
  const { fid, account, declaredBlock } = record;
  const { hash, number } = await chain.finalizedHead();
  // Nothing is missed there yet; and a node that is behind cannot know of it.
  if (number < declaredBlock) return () => {};
  const [file, deal] = await Promise.all([fileAt(chain, fid, hash), chain.deal(fid, hash)]);
  if (file !== null) {
    const isOurs = compareContent(order, file) === "same" && file.owners.some((owner) => owner.account === account);
    if (!isOurs) return vanish;
    return (it) => it.apply({ kind: "activated", block: file.completedBlock, miners: file.miners });
  }
  if (deal !== null) {
    if (compareContent(order, deal) !== "same" || deal.owner.account !== account) return vanish;
    const attempts = await ports.deals.attempts(record.uploadId);
    const reports = deal.reports.map(({ index, miner }) => ({ index, miner, block: number }));
    return (it) => applyReports(it, reports, attempts);
  }
  return (await isInTheMaking(ports, record)) ? () => {} : vanish;
}

/** The finalized chain has neither order nor file: they may be in blocks that are not final yet. */
async function isInTheMaking({ chain }: ReviewPorts, { fid }: DealRecord): Promise<boolean> {
  const [file, deal] = await Promise.all([chain.file(fid, "best"), chain.deal(fid, "best")]);
  return file !== null || deal !== null;
}

/** Starting over, the declaration finds out what stands in the order's place. */
const vanish: Finding = (deal) => deal.apply({ kind: "vanished" });
