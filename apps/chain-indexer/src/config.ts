import { commonSettings, type Environment, readConfig, setting } from "@granary/service-runtime";
import { z } from "zod";

export const settings = z.object({
  ...commonSettings,
  CHAIN_URL: setting
    .url("ws:", "wss:")
    .describe("nodes of the chain, separated by commas; the next is used when one fails or lags behind another"),
  RESCAN_INTERVAL: setting
    .duration("10m")
    .default(600_000)
    .describe("how often everything is compared with the chain, for what changes without an event"),
  CHAIN_POLL: setting.duration("3s").default(3_000).describe("how often the finalized head is asked for at least"),
  CHAIN_BEHIND: setting
    .duration("30s")
    .default(30_000)
    .describe("a node that is this long behind the tables, and makes new blocks there, has another history"),
  CHAIN_COMPARE: setting
    .duration("15s")
    .default(15_000)
    .describe("how often several nodes are compared by the blocks that they have finalized"),
});

export type IndexerConfig = Readonly<z.infer<typeof settings>>;

/** @throws CodedError CONFIG_INVALID (invalid) */
export const readIndexerConfig = (environment: Environment): IndexerConfig => readConfig(settings, environment);
