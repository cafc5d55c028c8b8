import { asCodedError, type Category } from "@granary/primitives";

/** How an operation ended: well, with a "no" that its caller has to hear, or with a fault of ours or of a dependency. */
export const outcomes = ["ok", "refused", "failed"] as const;
export type Outcome = (typeof outcomes)[number];

const outcomeOfCategory: Record<Category, Outcome> = {
  invalid: "refused",
  denied: "refused",
  absent: "refused",
  conflict: "refused",
  exhausted: "failed",
  unavailable: "failed",
  timeout: "failed",
  corrupt: "failed",
  bug: "failed",
};

export const outcomeOf = (thrown: unknown): Outcome => outcomeOfCategory[asCodedError(thrown).category];
