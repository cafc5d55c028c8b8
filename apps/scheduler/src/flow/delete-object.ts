import type { InputOf, OutputOf } from "@granary/contracts";
import { CodedError } from "@granary/primitives";
import type { CallsPort, ChainPort, Inclusion } from "../ports.js";
import { type SubmitPorts, settleTransaction, submitTransaction } from "./submit-transaction.js";

export interface DeletePorts extends SubmitPorts {
  readonly chain: SubmitPorts["chain"] & Pick<ChainPort, "file" | "isAuthorized">;
  readonly calls: Pick<CallsPort, "deleteFile">;
  readonly clock: () => number;
}

/**
 * Deletes an owner's entry of a file on chain; answers when that is in a block. Asked again while it is under way, it
 * does not delete twice.
 * @throws CodedError FID_UNKNOWN (absent), FILE_NOT_OWNED, GATEWAY_NOT_AUTHORIZED (denied), DELETION_UNDER_WAY
 *   (unavailable), or what the chain refused it for
 */
export async function deleteObject(
  ports: DeletePorts,
  { account, fid }: InputOf<"objectDelete">,
): Promise<OutputOf<"objectDelete">> {
  const { chain, signer } = ports;
  const reference = `${account}:${fid}`;
  const open = await ports.transactions.openFor("delete", reference);
  if (open !== null) {
    const settled = await settleTransaction(ports, open, ports.clock());
    if (settled === "prepared" || settled === "submitted") {
      throw new CodedError("DELETION_UNDER_WAY", "unavailable", "the deletion is submitted and not in a block yet");
    }
  }
  const file = await chain.file(fid, "best");
  if (file === null) throw new CodedError("FID_UNKNOWN", "absent", "the chain has no such file");
  if (!file.owners.some((owner) => owner.account === account)) {
    throw new CodedError("FILE_NOT_OWNED", "denied", "the account does not hold this file");
  }
  if (account !== signer.account && !(await chain.isAuthorized(account, signer.account, "best"))) {
    throw new CodedError("GATEWAY_NOT_AUTHORIZED", "denied", "the owner has not authorized this gateway");
  }
  const call = ports.calls.deleteFile(account, fid);
  return answerOf(await submitTransaction(ports, { purpose: "delete", reference, call }));
}

function answerOf({ block, outcome }: Inclusion): OutputOf<"objectDelete"> {
  if (!outcome.ok) throw outcome.error;
  return { blockHash: block.hash, blockNumber: block.number };
}
