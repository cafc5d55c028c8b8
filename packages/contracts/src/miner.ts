import { z } from "zod";
import { event, request } from "./contract.js";
import { accountId, blockNumber, byteCount } from "./field.js";

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

/** Our own experience with the miners. */
export const minersList = request({
  subject: "granary.miners.list.v1",
  server: "scheduler",
  timeoutMs: 10_000,
  input: z.object({ after: accountId.nullable(), count: z.int().min(1).max(1000) }),
  output: z.object({
    miners: z.array(
      z.object({
        account: accountId,
        endpoint: z.string(),
        chainState: z.string(),
        idleBytes: byteCount,
        /** available, cooldown, probing, quarantined, unavailable (by its chain state) */
        standing: z.enum(["available", "cooldown", "probing", "quarantined", "unavailable"]),
        score: z.number(),
        alpha: z.number(),
        beta: z.number(),
        unreportedColumns: z.int().nonnegative(),
        consecutiveFailures: z.int().nonnegative(),
        cooldownUntil: z.iso.datetime().nullable(),
        lastFailureCode: z.string().nullable(),
        lastFailureAt: z.iso.datetime().nullable(),
        lastSuccessAt: z.iso.datetime().nullable(),
      }),
    ),
    next: accountId.nullable(),
  }),
});
