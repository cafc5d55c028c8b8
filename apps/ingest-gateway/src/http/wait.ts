import type { IncomingHttpHeaders } from "node:http";
import { CodedError } from "@granary/primitives";
import { type Stage, stages } from "../flow/await-stage.js";

/** What an upload's client wants to wait for. */
export interface WaitWish {
  readonly stage: Stage;
  /** The client named the stage, so it reads more than the FID. */
  readonly isExplicit: boolean;
}

/**
 * `?wait=` or `Prefer: respond-async`; DeOSS clients send neither and wait for the FID.
 * @throws CodedError WAIT_INVALID (invalid)
 */
export function waitWishOf(wait: string | undefined, headers: IncomingHttpHeaders): WaitWish {
  if (wait !== undefined) {
    const stage = stages.find((one) => one === wait);
    if (stage === undefined) {
      throw new CodedError("WAIT_INVALID", "invalid", `wait is one of ${stages.join(", ")}`);
    }
    return { stage, isExplicit: true };
  }
  const prefer = headers.prefer;
  const isAsync = (Array.isArray(prefer) ? prefer.join(",") : (prefer ?? ""))
    .split(/[,;]/)
    .some((preference) => preference.trim().toLowerCase() === "respond-async");
  return isAsync ? { stage: "received", isExplicit: false } : { stage: "encoded", isExplicit: false };
}
