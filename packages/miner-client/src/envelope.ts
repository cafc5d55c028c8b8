import { MinerError } from "./errors.js";

/** A miner's answer to everything but fragment bytes. Its `code`, not the HTTP status, says how it went. */
export interface Envelope {
  readonly code: number;
  readonly msg: string;
  readonly data: unknown;
}

/** Answers in JSON are short; whatever is longer is not one. */
export const ENVELOPE_BYTES_MAX = 64 * 1024;
const REASON_CHARACTERS_MAX = 200;

/** undefined where the bytes are no envelope. */
export function readEnvelope(bytes: Uint8Array): Envelope | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value !== "object" || value === null) return undefined;
    const { code, msg, data } = value as Record<string, unknown>;
    if (typeof code !== "number" || !Number.isInteger(code)) return undefined;
    return { code, msg: typeof msg === "string" ? msg : "", data: data ?? null };
  } catch {
    return undefined;
  }
}

/** The miner said no: what that means for the caller. The texts are those of the deployed miner software. */
export function refusalOf(status: number, envelope: Envelope | undefined): MinerError {
  const details = {
    status,
    code: envelope?.code ?? null,
    reason: (envelope?.msg ?? "").slice(0, REASON_CHARACTERS_MAX),
  };
  if (envelope === undefined) {
    if (status >= 500 || status === 429) return new MinerError("MINER_REFUSED", "the miner failed", details);
    return new MinerError("MINER_PROTOCOL", "the miner's answer is not one of its protocol", details);
  }
  if (envelope.msg === "invalid signature") {
    return new MinerError("MINER_SIGNATURE_REFUSED", "the miner did not accept our signature", details);
  }
  if (envelope.msg === "fragment does not match fid") {
    return new MinerError("MINER_DEAL_NOT_SEEN", "the miner does not see the deal on chain yet", details);
  }
  if (envelope.code === 404)
    return new MinerError("FRAGMENT_NOT_HELD", "the miner does not hold this fragment", details);
  return new MinerError("MINER_REFUSED", "the miner refused", details);
}
