import { z } from "zod";
import { event, request } from "./contract.js";
import { accountId, blockNumber, byteCount, columnIndex, fid, fragmentHash, segmentHash } from "./field.js";

/** A miner's report for one column of a deal is in a finalized block. */
export const columnReported = event({
  subject: "granary.column.reported.v1",
  producer: "chain-indexer",
  consumers: ["scheduler"],
  schema: z.object({ fid, index: columnIndex, miner: accountId, block: blockNumber }),
});

/** All twelve columns are reported: the file is active in a finalized block. */
export const fileActivated = event({
  subject: "granary.file.activated.v1",
  producer: "chain-indexer",
  consumers: ["scheduler"],
  schema: z.object({
    fid,
    block: blockNumber,
    /** Column 1 first. */
    miners: z.array(accountId).length(12),
  }),
});

/** An owner's entry of a file is gone, in a finalized block. `isLast`: the file itself is gone with it. */
export const fileDeleted = event({
  subject: "granary.file.deleted.v1",
  producer: "chain-indexer",
  consumers: ["ingest-gateway", "scheduler"],
  schema: z.object({ fid, owner: accountId, isLast: z.boolean(), block: blockNumber }),
});

/** An open deal vanished from the chain without becoming a file: its territory expired. */
export const dealRemoved = event({
  subject: "granary.deal.removed.v1",
  producer: "chain-indexer",
  consumers: ["scheduler"],
  schema: z.object({ fid, block: blockNumber }),
});

/** Somebody declared a FID (again): an open deal may have been overwritten. */
export const dealDeclared = event({
  subject: "granary.deal.declared.v1",
  producer: "chain-indexer",
  consumers: ["scheduler"],
  schema: z.object({ fid, owner: accountId, operator: accountId, block: blockNumber }),
});

export const territory = z.object({
  account: accountId,
  name: z.string(),
  token: z.string(),
  state: z.enum(["active", "frozen", "expired", "on-consignment"]),
  totalBytes: byteCount,
  usedBytes: byteCount,
  lockedBytes: byteCount,
  remainingBytes: byteCount,
  startBlock: blockNumber,
  deadlineBlock: blockNumber,
});
export type Territory = z.infer<typeof territory>;

export const chainStatus = request({
  subject: "granary.chain.status.v1",
  server: "chain-indexer",
  timeoutMs: 5_000,
  input: z.object({}),
  output: z.object({
    genesisHash: z.string(),
    specName: z.string(),
    specVersion: z.int(),
    bestBlock: blockNumber,
    finalizedBlock: blockNumber,
    indexedBlock: blockNumber,
    isSynced: z.boolean(),
  }),
});

/** Read from the newest finalized state, so that a territory bought a moment ago is seen. */
export const territoryShow = request({
  subject: "granary.territory.show.v1",
  server: "chain-indexer",
  timeoutMs: 10_000,
  input: z.object({ account: accountId, name: z.string() }),
  output: z.object({ territory: territory.nullable(), atBlock: blockNumber }),
});

/** Territories of an account, in order of name; from the newest finalized state. */
export const territoriesList = request({
  subject: "granary.territories.list.v1",
  server: "chain-indexer",
  timeoutMs: 10_000,
  input: z.object({ account: accountId }),
  output: z.object({ territories: z.array(territory), atBlock: blockNumber }),
});

/** Whether `owner` lets `operator` store and delete for it; from the newest finalized state. */
export const authorizationShow = request({
  subject: "granary.authorization.show.v1",
  server: "chain-indexer",
  timeoutMs: 10_000,
  input: z.object({ owner: accountId, operator: accountId }),
  output: z.object({ isAuthorized: z.boolean(), atBlock: blockNumber }),
});

export const chainFileOwner = z.object({ account: accountId, territory: z.string(), name: z.string() });

export const chainFileShow = request({
  subject: "granary.chain-file.show.v1",
  server: "chain-indexer",
  timeoutMs: 10_000,
  input: z.object({ fid }),
  output: z.object({
    file: z
      .object({
        fid,
        /** active, calculate, missing, recovery */
        state: z.string(),
        sizeBytes: byteCount,
        segmentCount: z.int().nonnegative(),
        completedBlock: blockNumber,
        owners: z.array(chainFileOwner),
      })
      .nullable(),
  }),
});

export const chainFileSegment = z.object({
  hash: segmentHash,
  /** Column 1 first. */
  fragments: z.array(z.object({ hash: fragmentHash, miner: accountId, isAvailable: z.boolean() })),
});

/** Segments `from` ≤ index < `from + count` of a file, as the chain has them. */
export const chainFileSegments = request({
  subject: "granary.chain-file.segments.v1",
  server: "chain-indexer",
  timeoutMs: 20_000,
  input: z.object({ fid, from: z.int().nonnegative(), count: z.int().min(1).max(64) }),
  output: z.object({ segments: z.array(chainFileSegment) }),
});

/** The open deal of a FID, if there is one; from the newest finalized state. */
export const chainDealShow = request({
  subject: "granary.chain-deal.show.v1",
  server: "chain-indexer",
  timeoutMs: 10_000,
  input: z.object({ fid }),
  output: z.object({
    deal: z
      .object({
        fid,
        owner: accountId,
        territory: z.string(),
        name: z.string(),
        sizeBytes: byteCount,
        segmentCount: z.int().nonnegative(),
        reports: z.array(z.object({ index: columnIndex, miner: accountId })),
      })
      .nullable(),
    atBlock: blockNumber,
  }),
});

/** Files that an account holds on chain, in order of (territory, fid); `after` continues a listing. */
export const holdingsList = request({
  subject: "granary.holdings.list.v1",
  server: "chain-indexer",
  timeoutMs: 10_000,
  input: z.object({
    account: accountId,
    territory: z.string().nullable(),
    after: z.object({ territory: z.string(), fid }).nullable(),
    count: z.int().min(1).max(1000),
  }),
  output: z.object({
    holdings: z.array(z.object({ territory: z.string(), fid, name: z.string(), sizeBytes: byteCount })),
    next: z.object({ territory: z.string(), fid }).nullable(),
  }),
});
