import type { BlobStore } from "@granary/blob-store";
import type { AuditLog, Database, Outbox, UploadModel } from "@granary/database";
import type { Requester } from "@granary/messaging";
import type { AccountId } from "@granary/primitives";
import type { Log } from "@granary/telemetry";

import type { GatewayConfig } from "./config.js";
import type { AccessCheck } from "./identity/access-list.js";
import type { NonceMemory } from "./identity/bound-request.js";
import type { Keyring } from "./identity/keyring.js";
import type { StartLimiter } from "./identity/start-limiter.js";
import type { GatewayMetrics } from "./metrics.js";

/** What the flows of this service can use; each takes a slice. */
export interface Ports {
  readonly config: GatewayConfig;
  readonly database: Database;
  readonly outbox: Outbox;
  readonly audit: AuditLog;
  readonly blobs: BlobStore;
  /** Asks the other services. */
  readonly request: Requester;
  /** The account that signs for this gateway, remembered for a while. */
  readonly gatewayAccount: () => Promise<AccountId>;
  /** The operator's keys, under which the keys of objects are wrapped. */
  readonly keyring: Keyring;
  readonly checkAccess: AccessCheck;
  readonly rememberNonce: NonceMemory;
  readonly limitStarts: StartLimiter;
  readonly uploadWatch: UploadWatch;
  readonly stagingRoom: StagingRoom;
  readonly metrics: GatewayMetrics;
  readonly log: Log;
  readonly now: () => Date;
  /** Aborted when the service stops: who waits is answered with what there is. */
  readonly stopping: AbortSignal;
}

/** Looks for news of uploads on behalf of all who wait, with one query for all. */
export interface UploadWatch {
  /** The upload as the next look finds it; null where it is gone. Rejects when the signal is aborted. */
  next(uploadId: string, signal: AbortSignal): Promise<UploadModel | null>;
  /** Something changed: look now. */
  nudge(): void;
}

/** Room for bytes that are still to come, on a volume that several uploads and several gateways share. */
export interface StagingRoom {
  /** Promises room for so many bytes. @throws CodedError STAGING_FULL (exhausted) */
  hold(bytes: number): Promise<HeldRoom>;
}

export interface HeldRoom {
  /** The same bytes, counted as they reach the disk; for bytes beyond the promise more room is asked for. */
  fill(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** Gives back what was not filled. */
  release(): void;
}
