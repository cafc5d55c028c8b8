import type { Transaction } from "@granary/database";
import { fitsTerritory, segmentCountOf, territoryBytesOf } from "@granary/domain/object";
import { type AccountId, CodedError, type UploadId } from "@granary/primitives";
import type { Ports } from "../ports.js";
import { encryptionOf } from "./object-key.js";

/** What the chain says of the place that an upload shall be stored in. */
export interface Standing {
  readonly remainingBytes: number;
}

/**
 * Whether this gateway may store for `account` in `territory` now.
 * @throws CodedError CHAIN_NOT_SYNCED (unavailable), GATEWAY_NOT_AUTHORIZED, TERRITORY_NOT_OWNED (denied),
 *   TERRITORY_NOT_ACTIVE (conflict)
 */
export async function checkTerritory(
  ports: Pick<Ports, "request" | "gatewayAccount">,
  account: AccountId,
  territory: string,
): Promise<Standing> {
  const [chain, shown, gateway] = await Promise.all([
    ports.request("chainStatus", {}),
    ports.request("territoryShow", { account, name: territory }),
    ports.gatewayAccount(),
  ]);
  if (!chain.isSynced) {
    throw new CodedError("CHAIN_NOT_SYNCED", "unavailable", "the gateway is catching up with the chain");
  }
  if (gateway !== account) await checkAuthorization(ports, account, gateway);
  const found = shown.territory;
  if (found === null) {
    throw new CodedError("TERRITORY_NOT_OWNED", "denied", "the account has no territory of this name", {
      account,
      territory,
    });
  }
  if (found.state !== "active" || found.deadlineBlock < shown.atBlock) {
    const state = found.state === "active" ? "expired" : found.state;
    throw new CodedError("TERRITORY_NOT_ACTIVE", "conflict", `the territory is ${state}`, { territory, state });
  }
  return { remainingBytes: found.remainingBytes };
}

/** @throws CodedError GATEWAY_NOT_AUTHORIZED (denied) that names the account to authorize */
async function checkAuthorization(ports: Pick<Ports, "request">, owner: AccountId, gateway: AccountId): Promise<void> {
  const { isAuthorized } = await ports.request("authorizationShow", { owner, operator: gateway });
  if (isAuthorized) return;
  throw new CodedError("GATEWAY_NOT_AUTHORIZED", "denied", `authorize this gateway's account first: ${gateway}`, {
    gateway,
  });
}

/**
 * Holds space for an upload until its deal is on chain. Inside the transaction that writes the upload: uploads of one
 * territory pass here one at a time, so two cannot both take the last space.
 *
 * @throws CodedError TERRITORY_FULL (exhausted)
 */
export async function reserveSpace(
  tx: Transaction,
  place: { readonly account: AccountId; readonly territory: string; readonly remainingBytes: number },
  wanted: { readonly segmentCount: number; readonly uploadId: UploadId },
): Promise<void> {
  await lockByName(tx, `territory ${place.account} ${place.territory}`);
  const waiting = await tx.upload.findMany({
    where: {
      account: place.account,
      territory: place.territory,
      state: { in: ["receiving", "received", "encoded"] },
      id: { not: wanted.uploadId },
    },
    select: { sizeBytes: true, isCipher: true, isGcm: true, segmentCount: true },
  });
  // A size not known yet is at least something.
  const reserved = waiting.reduce(
    (sum, upload) => sum + territoryBytesOf(upload.segmentCount ?? segmentsOf(upload)),
    0,
  );
  const leftBytes = place.remainingBytes - reserved;
  if (fitsTerritory(wanted.segmentCount, leftBytes)) return;
  throw new CodedError("TERRITORY_FULL", "exhausted", "the territory has not enough space left", {
    neededBytes: territoryBytesOf(wanted.segmentCount),
    leftBytes: Math.max(0, leftBytes),
  });
}

const segmentsOf = (upload: { sizeBytes: bigint | null; isCipher: boolean; isGcm: boolean }): number =>
  segmentCountOf(Number(upload.sizeBytes ?? 1n), encryptionOf(upload));

/** Until the transaction ends, nobody else passes with the same name. */
export async function lockByName(tx: Transaction, name: string): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${name}, 0))`;
}
