import type { BlobStore } from "@granary/blob-store";
import type { InputOf, OutputOf } from "@granary/contracts";
import { asCodedError, CodedError } from "@granary/primitives";
import type { Clock, DealStore, OperatorLog } from "../ports.js";

/**
 * Takes up a failed deal from its beginning, for an operator who has removed what made it fail. The declaration finds
 * out what the chain has of it by now; columns that were reported need not be sent again, because the review hears of
 * them from the chain.
 *
 * @throws CodedError DEAL_UNKNOWN (absent), DEAL_NOT_FAILED, STAGED_BYTES_RELEASED (conflict)
 */
export async function resumeDeal(
  ports: {
    readonly deals: Pick<DealStore, "find" | "change">;
    readonly operators: Pick<OperatorLog, "act">;
    readonly staging: Pick<BlobStore, "open">;
    readonly clock: Clock;
  },
  { uploadId, actor, reason }: InputOf<"dealResume">,
): Promise<OutputOf<"dealResume">> {
  const record = await ports.deals.find(uploadId);
  if (record === null) throw new CodedError("DEAL_UNKNOWN", "absent", "this upload has no deal", { uploadId });
  if (record.deal.state !== "failed") throw notFailed(record.deal.state);
  await checkStaged(ports.staging, uploadId);
  const deed = { actor, action: "deal.resumed", subject: uploadId, reason } as const;
  const state = await ports.operators.act(deed, (tx) =>
    ports.deals.change(
      uploadId,
      (deal) => {
        // Somebody else may have been first.
        if (deal.record.deal.state !== "failed") throw notFailed(deal.record.deal.state);
        deal.apply({ kind: "resumed" });
        deal.setObstacle(null);
        deal.countPatienceAnew();
        deal.lookAgainAt(ports.clock());
        return deal.record.deal.state;
      },
      tx,
    ),
  );
  return { state: state ?? "opened" };
}

const notFailed = (state: string) =>
  new CodedError("DEAL_NOT_FAILED", "conflict", `the deal is ${state}: only a failed one can be resumed`, { state });

async function checkStaged(staging: Pick<BlobStore, "open">, uploadId: InputOf<"dealResume">["uploadId"]) {
  try {
    const staged = await staging.open(uploadId);
    await staged.close();
  } catch (thrown) {
    if (asCodedError(thrown).code !== "STAGED_OBJECT_ABSENT") throw thrown;
    throw new CodedError("STAGED_BYTES_RELEASED", "conflict", "the bytes are not staged any more: upload them again", {
      uploadId,
    });
  }
}
