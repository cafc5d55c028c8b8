import type { InputOf, OutputOf } from "@granary/contracts";
import type { Column } from "@granary/domain/deal";
import type { AccountId } from "@granary/primitives";
import type { DealStore, MinerPool } from "../ports.js";

/** A deal with its columns and every attempt at them. */
export async function showDeal(
  ports: {
    readonly deals: Pick<DealStore, "find" | "findByFid" | "attempts">;
    readonly miners: Pick<MinerPool, "endpoints">;
  },
  input: InputOf<"dealShow">,
): Promise<OutputOf<"dealShow">> {
  const record = "uploadId" in input ? await ports.deals.find(input.uploadId) : await ports.deals.findByFid(input.fid);
  if (record === null) return { deal: null };
  const { uploadId, fid, account, revision, obstacle, deal } = record;
  const attempts = await ports.deals.attempts(uploadId);
  const endpoints = await ports.miners.endpoints(deal.columns.flatMap((one) => ("miner" in one ? [one.miner] : [])));
  return {
    deal: {
      uploadId,
      fid,
      account,
      state: deal.state,
      revision,
      failure: deal.state === "failed" ? deal.failure : obstacle,
      columns: deal.columns.map((column) => showColumn(column, endpoints)),
      attempts: attempts.map(({ index, miner, startedAt, endedAt, outcome, reason }) => ({
        index,
        miner,
        startedAt: textOf(startedAt),
        endedAt: endedAt === null ? null : textOf(endedAt),
        outcome,
        reason,
      })),
    },
  };
}

const textOf = (instant: number): string => new Date(instant).toISOString();

function showColumn(column: Column, endpoints: ReadonlyMap<AccountId, string>) {
  const { index, state, attempts, relaxations } = column;
  const miner = column.state === "pending" ? null : column.miner;
  const until = column.state === "sending" ? column.leaseUntil : column.state === "placed" ? column.reportBy : null;
  return {
    index,
    state,
    miner,
    endpoint: (miner !== null && endpoints.get(miner)) || null,
    attempts,
    leaseUntil: until === null ? null : textOf(until),
    reportedBlock: column.state === "reported" ? column.block : null,
    relaxations: [...relaxations],
  };
}
