import type { At, ChainFile } from "@granary/chain-client";
import type { ChainView, FileOnChain, Order } from "@granary/domain/deal";
import type { AccountId } from "@granary/primitives";
import type { ChainPort, DealRecord, ManifestPort } from "../ports.js";

/** What the upload wants to be on chain. */
export async function readOrder(ports: { readonly manifests: ManifestPort }, record: DealRecord): Promise<Order> {
  const segments = await ports.manifests.segments(record.uploadId, record.segmentCount);
  return { account: record.account, territory: record.territory, sizeBytes: record.sizeBytes, segments };
}

/** All that the chain says about an order, in one newest block, and of the file also in the newest finalized one. */
export async function readChain(
  chain: Pick<ChainPort, "bestHead" | "file" | "deal" | "territory" | "isAuthorized">,
  record: Pick<DealRecord, "fid" | "account" | "territory">,
  operator: AccountId,
): Promise<ChainView> {
  const { fid, account } = record;
  const best = await chain.bestHead();
  const [file, deal, territory, isAuthorized, finalizedFile] = await Promise.all([
    fileAt(chain, fid, best.hash),
    chain.deal(fid, best.hash),
    chain.territory(account, record.territory, best.hash),
    account === operator ? true : chain.isAuthorized(account, operator, best.hash),
    fileAt(chain, fid, "finalized"),
  ]);
  return { block: best.number, file, finalizedFile, deal, territory, isAuthorized };
}

export async function fileAt(
  chain: Pick<ChainPort, "file">,
  fid: DealRecord["fid"],
  at: At,
): Promise<FileOnChain | null> {
  const file = await chain.file(fid, at);
  return file && asFileOnChain(file);
}

const asFileOnChain = (file: ChainFile): FileOnChain => ({
  sizeBytes: file.sizeBytes,
  completedBlock: file.completedBlock,
  owners: file.owners,
  miners: (file.segments[0]?.fragments ?? []).map(({ miner }) => miner),
  segments: file.segments.map(({ hash, fragments }) => ({ hash, fragments: fragments.map((one) => one.hash) })),
});
