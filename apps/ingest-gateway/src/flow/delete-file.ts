import { type AccountId, CodedError, EMPTY_FID, type Fid } from "@granary/primitives";
import type { Ports } from "../ports.js";

/**
 * Takes a file from its owner: on chain, signed by the gateway's account after the scheduler has checked that it may, and
 * from the catalogue. The chain-indexer's news of it would clear the catalogue too; doing it here only makes it sooner.
 *
 * @throws CodedError FID_UNKNOWN (absent), and what the scheduler answers
 */
export async function deleteFile(
  ports: Pick<Ports, "request" | "database" | "audit">,
  account: AccountId,
  fid: Fid,
): Promise<{ blockHash: string; blockNumber: number | null }> {
  if (fid === EMPTY_FID) {
    const { count } = await ports.database.catalogueObject.deleteMany({ where: { fid, account } });
    if (count === 0) throw new CodedError("FID_UNKNOWN", "absent", "the account has no such file", { fid });
    return { blockHash: "", blockNumber: null };
  }
  const deleted = await ports.request("objectDelete", { account, fid });
  await ports.database.$transaction(async (tx) => {
    await tx.catalogueObject.deleteMany({ where: { fid, account } });
    const { blockNumber, blockHash } = deleted;
    const details = { blockNumber, blockHash };
    await ports.audit.record(tx, { actor: `account:${account}`, action: "file.deleted", subject: fid, details });
  });
  return deleted;
}
