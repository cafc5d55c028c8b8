import { z } from "zod";
import { event, request } from "./contract.js";
import {
  accountId,
  actor,
  blockNumber,
  columnIndex,
  failure,
  fid,
  fragmentHash,
  operatorReason,
  uploadId,
} from "./field.js";

export const dealStates = ["opened", "declaring", "placing", "active", "failed"] as const;

/** A deal changed. Carries the whole standing, so that the newest `revision` wins and lost ones do not matter. */
export const dealAdvanced = event({
  subject: "granary.deal.advanced.v1",
  producer: "scheduler",
  consumers: ["ingest-gateway"],
  schema: z.object({
    uploadId,
    fid,
    revision: z.int().nonnegative(),
    state: z.enum(dealStates),
    placedColumns: z.int().min(0).max(12),
    reportedColumns: z.int().min(0).max(12),
    activeBlock: blockNumber.nullable(),
    failure: failure.nullable(),
  }),
});

/** A miner served bytes that are not the fragment they were asked for. */
export const fragmentCorrupt = event({
  subject: "granary.fragment.corrupt.v1",
  producer: "retrieval",
  consumers: ["scheduler"],
  schema: z.object({ fid, fragment: fragmentHash, miner: accountId, reason: z.string() }),
});

export const dealColumn = z.object({
  index: columnIndex,
  state: z.enum(["pending", "sending", "placed", "reported"]),
  miner: accountId.nullable(),
  endpoint: z.string().nullable(),
  attempts: z.int().nonnegative(),
  leaseUntil: z.iso.datetime().nullable(),
  reportedBlock: blockNumber.nullable(),
  relaxations: z.array(z.string()),
});

/** Where the columns of a deal are. The newest deal of the FID, where there are several. */
export const dealShow = request({
  subject: "granary.deal.show.v1",
  server: "scheduler",
  timeoutMs: 5_000,
  input: z.union([z.object({ uploadId }), z.object({ fid })]),
  output: z.object({
    deal: z
      .object({
        uploadId,
        fid,
        account: accountId,
        state: z.enum(dealStates),
        revision: z.int().nonnegative(),
        failure: failure.nullable(),
        columns: z.array(dealColumn),
        attempts: z.array(
          z.object({
            index: columnIndex,
            miner: accountId,
            startedAt: z.iso.datetime(),
            endedAt: z.iso.datetime().nullable(),
            outcome: z.string().nullable(),
            /** Why this miner: the parts of its score when it was chosen. */
            reason: z.record(z.string(), z.unknown()).nullable(),
          }),
        ),
      })
      .nullable(),
  }),
});

/** Deletes a file of `account` on chain, signed by the gateway. Answers when the deletion is in a block. */
export const objectDelete = request({
  subject: "granary.object.delete.v1",
  server: "scheduler",
  timeoutMs: 90_000,
  input: z.object({ account: accountId, fid }),
  output: z.object({ blockHash: z.string(), blockNumber }),
});

/** The account that signs for this gateway: what an owner authorizes. */
export const gatewayShow = request({
  subject: "granary.gateway.show.v1",
  server: "scheduler",
  timeoutMs: 5_000,
  input: z.object({}),
  output: z.object({ account: accountId, freeBalance: z.string(), isRegistered: z.boolean() }),
});

/** Takes up a deal that has failed, from its beginning, for an operator. Its staged bytes have to be there still. */
export const dealResume = request({
  subject: "granary.deal.resume.v1",
  server: "scheduler",
  timeoutMs: 10_000,
  input: z.object({ uploadId, actor, reason: operatorReason }),
  output: z.object({ state: z.enum(dealStates) }),
});
