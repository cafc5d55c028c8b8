import { z } from "zod";
import { event, request } from "./contract.js";
import {
  accountId,
  actor,
  blockNumber,
  byteCount,
  columnIndex,
  fid,
  operatorAction,
  operatorReason,
  uploadId,
} from "./field.js";

export const chainMiner = z.object({
  account: accountId,
  /** positive, frozen, exit, lock, offline, not ready */
  state: z.string(),
  endpoint: z.string(),
  idleBytes: byteCount,
  serviceBytes: byteCount,
  lockedBytes: byteCount,
  declaredBytes: byteCount,
  updatedBlock: blockNumber,
});
export type ChainMiner = z.infer<typeof chainMiner>;

/** What the chain says of a miner changed, in a finalized block. */
export const minerChanged = event({
  subject: "granary.miner.changed.v1",
  producer: "chain-indexer",
  consumers: ["scheduler"],
  schema: chainMiner,
});

/** Miners as the finalized chain knows them, in order of account; `after` continues a listing. */
export const chainMinersList = request({
  subject: "granary.chain-miners.list.v1",
  server: "chain-indexer",
  timeoutMs: 10_000,
  input: z.object({ after: accountId.nullable(), count: z.int().min(1).max(1000) }),
  output: z.object({ miners: z.array(chainMiner), next: accountId.nullable() }),
});

export const chainMinersFind = request({
  subject: "granary.chain-miners.find.v1",
  server: "chain-indexer",
  timeoutMs: 10_000,
  input: z.object({ accounts: z.array(accountId).max(1000) }),
  output: z.object({ miners: z.array(chainMiner) }),
});

/** available, cooldown, probing, quarantined, unavailable (by its chain state) */
export const minerStandings = ["available", "cooldown", "probing", "quarantined", "unavailable"] as const;

/** What a miner is worth for a file of one segment at this moment, part by part. Times in seconds; the least cost wins. */
export const minerScore = z.object({
  /** Mean of the belief that it keeps its word, 0 to 1. */
  trust: z.number(),
  /** Until a column would be there, behind what is on the way to it already. */
  transferSeconds: z.number(),
  /** Until its earlier columns are reported. */
  queueSeconds: z.number(),
  /** Expected time to a report, failed tries included. */
  cost: z.number(),
});

export const minerFailure = z.object({ code: z.string(), at: z.iso.datetime() });

/** Our own experience with one miner. */
export const ratedMiner = z.object({
  account: accountId,
  endpoint: z.string(),
  chainState: z.string(),
  idleBytes: byteCount,
  standing: z.enum(minerStandings),
  score: z.number(),
  scoreParts: minerScore,
  alpha: z.number(),
  beta: z.number(),
  /** Columns on the way to it, and columns there that are not reported. */
  inflightColumns: z.int().nonnegative(),
  unreportedColumns: z.int().nonnegative(),
  consecutiveFailures: z.int().nonnegative(),
  cooldownUntil: z.iso.datetime().nullable(),
  quarantinedReason: z.string().nullable(),
  lastFailureCode: z.string().nullable(),
  lastFailureAt: z.iso.datetime().nullable(),
  lastSuccessAt: z.iso.datetime().nullable(),
});
export type RatedMiner = z.infer<typeof ratedMiner>;

/** Our own experience with the miners. */
export const minersList = request({
  subject: "granary.miners.list.v1",
  server: "scheduler",
  timeoutMs: 10_000,
  input: z.object({ after: accountId.nullable(), count: z.int().min(1).max(1000) }),
  output: z.object({ miners: z.array(ratedMiner), next: accountId.nullable() }),
});

/** Why a miner gets columns or does not, and all that speaks for and against it. */
export const minerExplain = request({
  subject: "granary.miner.explain.v1",
  server: "scheduler",
  timeoutMs: 10_000,
  input: z.object({ account: accountId }),
  output: z.object({
    miner: ratedMiner
      .extend({
        /** Null when it may be given a column of one segment now; else what stands against it, in words with numbers. */
        refusal: z.object({ code: z.string(), reason: z.string() }).nullable(),
        /** Its place among the miners that may be given a column now, by cost; null when it may not. */
        rank: z.int().positive().nullable(),
        eligibleMiners: z.int().nonnegative(),
        /** What it has in common with others: host, subnet, operator, asn, country. */
        groups: z.record(z.string(), z.string()),
        position: z.object({ longitude: z.number(), latitude: z.number() }).nullable(),
        cooldown: z.object({
          failuresInRow: z.int().nonnegative(),
          failuresToRest: z.int().positive(),
          exponent: z.int().nonnegative(),
          /** How long the next rest may last at most. */
          nextRestSeconds: z.number(),
        }),
        /** Null where nothing was measured yet. */
        secondsPerFragment: z.number().nullable(),
        secondsPerReport: z.number(),
        /** Newest first. */
        attempts: z.array(
          z.object({
            uploadId,
            fid,
            index: columnIndex,
            startedAt: z.iso.datetime(),
            endedAt: z.iso.datetime().nullable(),
            outcome: z.string().nullable(),
          }),
        ),
        /** Attempts that we know of, by outcome. */
        outcomes: z.record(z.string(), z.int().positive()),
        /** Newest first. */
        actions: z.array(operatorAction),
      })
      .nullable(),
  }),
});

/** Nothing is given to the miner until somebody releases it; its columns that are not reported go to others in time. */
export const minerQuarantine = request({
  subject: "granary.miner.quarantine.v1",
  server: "scheduler",
  timeoutMs: 10_000,
  input: z.object({ account: accountId, actor, reason: operatorReason }),
  output: z.object({ standing: z.enum(minerStandings) }),
});

/** Ends a quarantine, and a rest that is under way. What was held against the miner stays in its evidence. */
export const minerRelease = request({
  subject: "granary.miner.release.v1",
  server: "scheduler",
  timeoutMs: 10_000,
  input: z.object({ account: accountId, actor, reason: operatorReason }),
  output: z.object({ standing: z.enum(minerStandings) }),
});

/** What operators did by hand, newest first; `before` is the id at which an earlier listing ended. */
export const operatorActionsList = request({
  subject: "granary.operator-actions.list.v1",
  server: "scheduler",
  timeoutMs: 10_000,
  input: z.object({
    before: z
      .string()
      .regex(/^\d{1,18}$/)
      .nullable(),
    count: z.int().min(1).max(1000),
  }),
  output: z.object({ actions: z.array(operatorAction) }),
});
