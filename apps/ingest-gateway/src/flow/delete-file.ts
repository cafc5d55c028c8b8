import { type AccountId, CodedError, EMPTY_FID, type Fid } from "@granary/primitives";
import type { Ports } from "../ports.js";
import { checkAuthorization } from "./check-territory.js";

/**
 * Takes a file from its owner: on chain, signed by the gateway, and from the catalogue. The chain-indexer's news of it
 * would clear the catalogue too; doing it here only makes it sooner.
 *
 * @throws CodedError FID_UNKNOWN (absent), FILE_NOT_OWNED, GATEWAY_NOT_AUTHORIZED (denied), and what the chain answers
 */
export async function deleteFile(
  ports: Pick<Ports, "request" | "database" | "gatewayAccount">,
  account: AccountId,
  fid: Fid,
): Promise<{ blockHash: string; blockNumber: number | null }> {
  if (fid === EMPTY_FID) {
    const { count } = await ports.database.catalogueObject.deleteMany({ where: { fid, account } });
    if (count === 0) throw new CodedError("FID_UNKNOWN", "absent", "the account has no such file", { fid });
    return { blockHash: "", blockNumber: null };
  }
  const { file } = await ports.request("chainFileShow", { fid });
  if (file === null) throw new CodedError("FID_UNKNOWN", "absent", "the chain has no file of this FID", { fid });
  if (!file.owners.some((owner) => owner.account === account)) {
    throw new CodedError("FILE_NOT_OWNED", "denied", "the file is not this account's", { fid });
  }
  const gateway = await ports.gatewayAccount();
  if (gateway !== account) await checkAuthorization(ports, account, gateway);
  const deleted = await ports.request("objectDelete", { account, fid });
  await ports.database.catalogueObject.deleteMany({ where: { fid, account } });
  return deleted;
}
