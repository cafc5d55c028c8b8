import { REQUEST_LIFE_SECONDS, type RequestToSign } from "@granary/contracts";
import { type AccountId, CodedError } from "@granary/primitives";

/** A request as it came. */
export type ActualRequest = Pick<RequestToSign, "method" | "host" | "path" | "account" | "territory">;

/** Clocks of clients may be ahead by this much. */
const CLOCK_SKEW_SECONDS = 30;
const compared = ["method", "host", "path", "account", "territory"] as const;

/**
 * Holds what was signed against what came. The body is compared while it is read.
 * @throws CodedError SIGNATURE_EXPIRED, SIGNATURE_TOO_LONG, SIGNATURE_REQUEST_MISMATCH (denied)
 */
export function checkBoundRequest(signed: RequestToSign, actual: ActualRequest, nowMs: number): void {
  const lifeSeconds = signed.expiresAt - nowMs / 1000;
  if (lifeSeconds <= 0) {
    throw new CodedError("SIGNATURE_EXPIRED", "denied", "the time that the message names is over");
  }
  if (lifeSeconds > REQUEST_LIFE_SECONDS + CLOCK_SKEW_SECONDS) {
    throw new CodedError(
      "SIGNATURE_TOO_LONG",
      "denied",
      `a signed request is good for at most ${REQUEST_LIFE_SECONDS} seconds`,
      { lifeSecondsMax: REQUEST_LIFE_SECONDS },
    );
  }
  for (const field of compared) {
    if (signed[field] === actual[field]) continue;
    throw new CodedError("SIGNATURE_REQUEST_MISMATCH", "denied", `another ${field} was signed than is asked for`, {
      field,
    });
  }
}

/** Notes a nonce until it expires; false where some gateway has seen it of this account. */
export type NonceMemory = (account: AccountId, nonce: string, expiresAt: Date) => Promise<boolean>;

/** @throws CodedError SIGNATURE_REPLAYED (denied) */
export async function useNonce(memory: NonceMemory, account: AccountId, signed: RequestToSign): Promise<void> {
  // It is remembered for a while after the signature's end: clocks of gateways differ.
  const until = new Date((signed.expiresAt + CLOCK_SKEW_SECONDS) * 1000);
  if (await memory(account, signed.nonce, until)) return;
  throw new CodedError("SIGNATURE_REPLAYED", "denied", "this signed request was used before");
}
