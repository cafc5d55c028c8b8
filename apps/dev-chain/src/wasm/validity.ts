import { type InvalidReason, invalidIndex, type Validity } from "../engine/engine.js";
import { Reader } from "../engine/scale.js";

/** Where a transaction comes from: the outside, as far as a runtime is concerned. */
export const sourceExternal = 2;
const never = 2n ** 64n - 1n;

interface Refusal {
  readonly reason: InvalidReason;
  readonly detail?: string;
}

/**
 * `TransactionValidity`, as runtimes answer it.
 * @param next number of the block that the transaction was judged for
 */
export function readValidity(bytes: Uint8Array, next: number): Validity {
  const reader = new Reader(bytes);
  if (reader.u8() !== 0) return { isValid: false, ...readRefusal(reader) };
  reader.u64();
  const isFuture = countTags(reader) > 0;
  countTags(reader);
  const longevity = reader.u64();
  return { isValid: true, isFuture, diesAt: longevity === never ? Number.POSITIVE_INFINITY : next + Number(longevity) };
}

/** `ApplyExtrinsicResult`: undefined where it was applied, whether its call succeeded or not. */
export function readOutcome(bytes: Uint8Array): Refusal | undefined {
  const reader = new Reader(bytes);
  return reader.u8() === 0 ? undefined : readRefusal(reader);
}

/** `TransactionValidityError`: not valid, or of unknown validity. */
function readRefusal(reader: Reader): Refusal {
  const isUnknown = reader.u8() !== 0;
  const variant = reader.u8();
  if (isUnknown) return { reason: "Custom", detail: unknownReasons[variant] ?? `Unknown validity: ${reader.u8()}` };
  const reason = invalidIndex[variant] ?? "Custom";
  return reason === "Custom" ? { reason, detail: `Custom error: ${reader.u8()}` } : { reason };
}

const unknownReasons = [
  "Could not lookup information required to validate the transaction",
  "Could not find an unsigned validator for the unsigned transaction",
];

/** Skips a list of tags. */
function countTags(reader: Reader): number {
  const count = reader.count(1);
  for (let i = 0; i < count; i += 1) reader.take(reader.count(1));
  return count;
}
