import { CodedError } from "@granary/primitives";
import { z } from "zod";
import type { DevChainConfig } from "./dev-chain.js";
import { accountFrom } from "./engine/account.js";
import { devAccounts } from "./engine/genesis.js";

type Env = Readonly<Record<string, string | undefined>>;

const DAY_MS = 86_400_000;
const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

const accounts = z.string().transform((text, context) => {
  const listed = text.split(",").flatMap((item) => item.trim() || []);
  for (const account of listed) {
    try {
      accountFrom(account);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  }
  return listed;
});

export const settings = z.object({
  DEV_CHAIN_HOST: z.string().default("127.0.0.1").describe("address to listen on"),
  DEV_CHAIN_PORT: whole(0, 65_535).default(9944).describe("port of JSON-RPC and GET /health; 0 takes any"),
  DEV_CHAIN_SEAL: z
    .enum(["timed", "instant", "manual"])
    .default("timed")
    .describe("instant: a block as soon as a transaction is there; manual: by dev_sealBlocks only"),
  DEV_CHAIN_BLOCK_MS: whole(10, DAY_MS).default(1000).describe("milliseconds from one block to the next"),
  DEV_CHAIN_FINALITY_MS: whole(0, DAY_MS).default(200).describe("milliseconds from a block to its finality"),
  DEV_CHAIN_HISTORY_BLOCKS: whole(1, 10_000_000)
    .default(14_400)
    .describe("blocks and states that can still be asked for"),
  DEV_CHAIN_DATA_DIR: z.string().min(1).optional().describe("folder of the chain; absent: it lives in memory"),
  DEV_CHAIN_FAULTS: z
    .enum(["on", "off"])
    .default("off")
    .describe("on: takes the dev_ requests, which seal, reorganize, stall, drop and silence"),
  DEV_CHAIN_SPEC: z
    .string()
    .min(1)
    .optional()
    .describe("path of a raw chain specification whose runtime is run in the place of the pallets here (--spec PATH)"),
  DEV_CHAIN_SPEC_KEYS: z
    .enum(["own", "development"])
    .default("own")
    .describe("development: its sudo, TEE master key and money are given to accounts of the development seed"),
  DEV_CHAIN_ENDOWED: accounts.default([]).describe("more accounts with money: SS58 or //Path, separated by commas"),
});

/** Settings from the environment. @throws CodedError CONFIG_INVALID (invalid) with all problems */
export function readConfig(env: Env): DevChainConfig {
  const given = Object.entries(env).filter(([name, value]) => name in settings.shape && value !== "");
  const parsed = settings.safeParse(Object.fromEntries(given));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new CodedError("CONFIG_INVALID", "invalid", `the configuration has problems:\n  ${problems.join("\n  ")}`);
  }
  const { data } = parsed;
  return {
    host: data.DEV_CHAIN_HOST,
    port: data.DEV_CHAIN_PORT,
    seal: data.DEV_CHAIN_SEAL,
    blockMs: data.DEV_CHAIN_BLOCK_MS,
    finalityMs: data.DEV_CHAIN_FINALITY_MS,
    faults: data.DEV_CHAIN_FAULTS === "on",
    historyBlocks: data.DEV_CHAIN_HISTORY_BLOCKS,
    ...(data.DEV_CHAIN_DATA_DIR === undefined ? {} : { dataDir: data.DEV_CHAIN_DATA_DIR }),
    ...(data.DEV_CHAIN_SPEC === undefined
      ? {}
      : { spec: { path: data.DEV_CHAIN_SPEC, keys: data.DEV_CHAIN_SPEC_KEYS } }),
    genesis: { endowed: [...devAccounts, ...data.DEV_CHAIN_ENDOWED] },
  };
}
