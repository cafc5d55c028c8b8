import type { BlockRef, ChainFile, Deal } from "@granary/chain-client";
import { type AccountId, type Fid, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import type { Fact, KnownDeal, KnownFile, KnownReport, LiveFid } from "../ports.js";

export interface FidChange {
  readonly fid: Fid;
  readonly block: BlockRef;
  /** Declarations of this block, flash ones too. */
  readonly declared: readonly { readonly owner: AccountId; readonly operator: AccountId }[];
  readonly isCompleted: boolean;
  /** Owners whose entries were deleted. */
  readonly deleted: readonly AccountId[];
  readonly before: KnownDeal | null;
  /** After the block. */
  readonly live: LiveFid;
}

export interface FidVerdict {
  /** Null: the tables' deal, if any, stays as it is. */
  readonly deal: KnownDeal | null;
  /** Null: the chain has no such file. */
  readonly file: KnownFile | null;
  readonly facts: readonly Fact[];
}

/**
 * What a block (or a look at the chain after a gap) means for one FID. The events say only that something happened; what
 * is true is the state after the block:
 *
 * - a deal is there → open, and its reports are the ones of the chain; those that were not known are announced
 * - it was open, and a file is there → completed, with the miners of the file as its reports
 * - it was open, and nothing is there → removed, unless it was completed and deleted in this very block
 * - a declaration with a deal there opened it anew: reports of before are void, whoever's they were
 */
export function judgeFid(change: FidChange): FidVerdict {
  const { fid, block, before, live } = change;
  const declared = change.declared.map(
    ({ owner, operator }): Fact => ({
      name: "dealDeclared",
      message: { fid, owner, operator, block: block.number },
    }),
  );
  const { deal, facts } = judgeDeal(change);
  const deleted = change.deleted.map(
    (owner): Fact => ({
      name: "fileDeleted",
      message: { fid, owner, isLast: (live.file?.owners.length ?? 0) === 0, block: block.number },
    }),
  );
  return {
    deal: deal ?? (before !== null && before.state === "open" && live.deal === null ? closed(change, before) : null),
    file: live.file === null ? null : knownFile(live.file, block.number),
    facts: [...declared, ...facts, ...deleted],
  };
}

function judgeDeal(change: FidChange): { readonly deal: KnownDeal | null; readonly facts: readonly Fact[] } {
  const { before, live, fid, block } = change;
  const isKnownOpen = before?.state === "open";
  if (live.deal !== null) return judgeOpen(change, live.deal);
  if (!isKnownOpen && !change.isCompleted) return { deal: null, facts: [] };
  if (live.file !== null) return judgeCompleted(change, live.file);
  if (change.isCompleted) return { deal: null, facts: [] };
  return { deal: null, facts: [{ name: "dealRemoved", message: { fid, block: block.number } }] };
}

function judgeOpen(change: FidChange, deal: Deal) {
  const { before, block, declared } = change;
  const isAnew = declared.length > 0 || before?.state !== "open";
  const { reports, facts } = mergeReports(change, isAnew ? [] : before.reports, deal.reports);
  return {
    facts,
    deal: {
      fid: change.fid,
      state: "open",
      owner: deal.owner,
      operator: declared.at(-1)?.operator ?? before?.operator ?? deal.owner.account,
      sizeBytes: deal.sizeBytes,
      segmentCount: deal.segments.length,
      openedBlock: isAnew ? block.number : before.openedBlock,
      updatedBlock: block.number,
      reports,
    } satisfies KnownDeal,
  };
}

function judgeCompleted(change: FidChange, file: ChainFile) {
  const { before, block, fid } = change;
  const miners = minersOf(file);
  const isAnew = change.declared.length > 0 || before?.state !== "open";
  const listed = miners.map((miner, column) => ({ index: column + 1, miner }));
  const { reports, facts } = mergeReports(change, isAnew ? [] : before.reports, listed);
  const owner = file.owners[0] ?? before?.owner;
  // A file of no segments has no miners, and one without owners nobody who waits for it.
  const activated: readonly Fact[] =
    miners.length === FRAGMENTS_PER_SEGMENT
      ? [{ name: "fileActivated", message: { fid, block: block.number, miners: [...miners] } }]
      : [];
  const deal: KnownDeal | null =
    owner === undefined
      ? null
      : {
          fid,
          state: "completed",
          owner: before?.state === "open" && !isAnew ? before.owner : owner,
          operator: change.declared.at(-1)?.operator ?? before?.operator ?? owner.account,
          sizeBytes: file.sizeBytes,
          segmentCount: file.segments.length,
          openedBlock: isAnew ? block.number : (before?.openedBlock ?? block.number),
          updatedBlock: block.number,
          reports,
        };
  return { deal, facts: [...facts, ...activated] };
}

const closed = (change: FidChange, before: KnownDeal): KnownDeal => ({
  ...before,
  state: change.isCompleted ? "completed" : "removed",
  updatedBlock: change.block.number,
});

function mergeReports(
  { fid, block }: FidChange,
  known: readonly KnownReport[],
  listed: readonly { readonly index: number; readonly miner: AccountId }[],
): { readonly reports: readonly KnownReport[]; readonly facts: readonly Fact[] } {
  const facts: Fact[] = [];
  const reports = listed.map(({ index, miner }) => {
    const same = known.find((report) => report.index === index && report.miner === miner);
    if (same !== undefined) return same;
    facts.push({ name: "columnReported", message: { fid, index, miner, block: block.number } });
    return { index, miner, block: block.number };
  });
  return { reports, facts };
}

/** Column 1 first. All segments of a file have the same miners, by the chain's law. */
const minersOf = (file: ChainFile): readonly AccountId[] =>
  file.segments[0]?.fragments.map((fragment) => fragment.miner) ?? [];

export const knownFile = (file: ChainFile, block: number): KnownFile => ({
  fid: file.fid,
  state: file.state,
  sizeBytes: file.sizeBytes,
  segmentCount: file.segments.length,
  completedBlock: file.completedBlock,
  updatedBlock: block,
  owners: file.owners,
});
