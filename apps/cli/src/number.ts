import { CodedError } from "@granary/primitives";

/** @throws CodedError NUMBER_INVALID (invalid) */
export function positiveInteger(text: string, what: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new CodedError("NUMBER_INVALID", "invalid", `${what} is a positive whole number, not "${text}"`);
  }
  return value;
}
