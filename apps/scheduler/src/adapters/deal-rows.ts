import type { PlacementWishes } from "@granary/contracts";
import type { DealColumnModel, DealModel } from "@granary/database";
import type { Column, Deal, Rival } from "@granary/domain/deal";
import { type AccountId, CodedError, type Fid, type UploadId } from "@granary/primitives";
import type { DealRecord } from "../ports.js";

export type DealRow = DealModel & { readonly columns: readonly DealColumnModel[] };

export function recordOf(row: DealRow): DealRecord {
  return {
    uploadId: row.uploadId as UploadId,
    fid: row.fid as Fid,
    account: row.account as AccountId,
    territory: row.territory,
    name: row.name,
    sizeBytes: Number(row.sizeBytes),
    stagedBytes: Number(row.stagedBytes),
    segmentCount: row.segmentCount,
    placement: row.placement as PlacementWishes | null,
    createdAt: row.createdAt.getTime(),
    since: (row.resumedAt ?? row.createdAt).getTime(),
    revision: row.revision,
    attempts: row.attempts,
    trace: row.trace,
    obstacle: row.failureCode === null ? null : { code: row.failureCode, reason: row.failureReason ?? "" },
    deal: dealOf(row),
  };
}

function dealOf(row: DealRow): Deal {
  const columns = row.columns.map(columnOf);
  switch (row.state) {
    case "opened":
    case "declaring":
      return { state: row.state, columns };
    case "placing":
      return { state: "placing", declaredBlock: Number(known(row.declaredBlock)), columns };
    case "active":
      return { state: "active", activeBlock: Number(known(row.activeBlock)), columns };
    case "failed":
      return {
        state: "failed",
        failure: { code: row.failureCode ?? "UNEXPECTED", reason: row.failureReason ?? "" },
        columns,
      };
  }
}

function columnOf(row: DealColumnModel): Column {
  const facts = { index: row.index, attempts: row.attempts, relaxations: row.relaxations };
  if (row.state === "pending") return { ...facts, state: "pending", notBefore: row.leaseUntil?.getTime() ?? 0 };
  const miner = known(row.miner) as AccountId;
  switch (row.state) {
    case "sending":
      return { ...facts, state: "sending", miner, leaseUntil: known(row.leaseUntil).getTime(), ...rivalOf(row) };
    case "placed": {
      const times = { placedAt: known(row.placedAt).getTime(), reportBy: known(row.leaseUntil).getTime() };
      return { ...facts, state: "placed", miner, ...times };
    }
    case "reported":
      return { ...facts, state: "reported", miner, block: Number(known(row.reportedBlock)) };
  }
}

function rivalOf({ rivalMiner, rivalLeaseUntil, rivalRelaxations: relaxations }: DealColumnModel): { rival?: Rival } {
  if (rivalMiner === null) return {};
  return { rival: { miner: rivalMiner as AccountId, leaseUntil: known(rivalLeaseUntil).getTime(), relaxations } };
}

function known<T>(value: T | null): T {
  if (value !== null) return value;
  throw new CodedError("DEAL_ROW_INVALID", "bug", "a row of a deal lacks what its state demands");
}

/** `lease_until` holds the one instant that a column waits for: not-before, lease, or report deadline. */
export function columnData(column: Column) {
  const facts = { state: column.state, attempts: column.attempts, relaxations: [...column.relaxations] };
  const noRival = { rivalMiner: null, rivalLeaseUntil: null, rivalRelaxations: [] };
  const nothing = { miner: null, leaseUntil: null, placedAt: null, reportedBlock: null, ...noRival };
  switch (column.state) {
    case "pending":
      return { ...nothing, ...facts, leaseUntil: new Date(column.notBefore) };
    case "sending":
      return {
        ...nothing,
        ...facts,
        miner: column.miner,
        leaseUntil: new Date(column.leaseUntil),
        ...(column.rival === undefined ? {} : rivalData(column.rival)),
      };
    case "placed":
      return {
        ...nothing,
        ...facts,
        miner: column.miner,
        placedAt: new Date(column.placedAt),
        leaseUntil: new Date(column.reportBy),
      };
    case "reported":
      return { ...nothing, ...facts, miner: column.miner, reportedBlock: BigInt(column.block) };
  }
}

const rivalData = ({ miner, leaseUntil, relaxations }: Rival) => ({
  rivalMiner: miner,
  rivalLeaseUntil: new Date(leaseUntil),
  rivalRelaxations: [...relaxations],
});

export const stateData = (deal: Deal) => ({
  state: deal.state,
  declaredBlock: deal.state === "placing" ? BigInt(deal.declaredBlock) : undefined,
  activeBlock: deal.state === "active" ? BigInt(deal.activeBlock) : undefined,
});
