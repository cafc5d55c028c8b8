import { parseAccount } from "@granary/chain-client";
import type { Strategy } from "@granary/domain/miner";
import { CodedError, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import type { SchedulerConfig } from "../config.js";

type PlacementSettings = Pick<
  SchedulerConfig,
  "PLACEMENT_PREFER" | "PLACEMENT_FIRST" | "PLACEMENT_ONLY" | "PLACEMENT_AVOID" | "PLACEMENT_AREA"
>;

/**
 * What the operator wishes of every placement. The area is a fence: it is never left.
 * @throws CodedError CONFIG_INVALID, ACCOUNT_INVALID (invalid)
 */
export function strategyOf(config: PlacementSettings): Strategy {
  const accounts = (texts: readonly string[]) => texts.map((text) => parseAccount(text));
  const { PLACEMENT_ONLY: only, PLACEMENT_AREA: area } = config;
  if (only.length > 0 && new Set(accounts(only)).size < FRAGMENTS_PER_SEGMENT) {
    const message = `PLACEMENT_ONLY: ${FRAGMENTS_PER_SEGMENT} columns need as many miners`;
    throw new CodedError("CONFIG_INVALID", "invalid", message, { miners: only.length });
  }
  return {
    prefer: accounts(config.PLACEMENT_PREFER),
    first: config.PLACEMENT_FIRST,
    only: only.length > 0 ? accounts(only) : undefined,
    avoid: accounts(config.PLACEMENT_AVOID),
    area,
    isAreaStrict: area !== undefined,
  };
}
