import { CodedError } from "@granary/primitives";

/** How many entries a page shall have. @throws CodedError LIMIT_INVALID (invalid) */
export function limitOf(text: string | undefined, bounds: { standard: number; most: number }): number {
  if (text === undefined) return bounds.standard;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= bounds.most) return limit;
  throw new CodedError("LIMIT_INVALID", "invalid", `a page has 1 to ${bounds.most} entries`);
}
