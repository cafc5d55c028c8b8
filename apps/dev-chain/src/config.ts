import { CodedError } from "@granary/primitives";
import type { DevChainConfig } from "./dev-chain.js";
import { accountFrom } from "./engine/account.js";
import { devAccounts } from "./engine/genesis.js";

type Env = Readonly<Record<string, string | undefined>>;

/** Settings from the environment. @throws CodedError CONFIG_INVALID, ACCOUNT_INVALID (invalid) */
export function readConfig(env: Env): DevChainConfig {
  const number = (name: string, fallback: number, max: number): number => {
    const value = Number(env[name] ?? fallback);
    if (Number.isInteger(value) && value >= 0 && value <= max) return value;
    throw new CodedError("CONFIG_INVALID", "invalid", `${name} must be a whole number up to ${max}`);
  };
  const seal = env.DEV_CHAIN_SEAL ?? "timed";
  if (seal !== "timed" && seal !== "instant") {
    throw new CodedError("CONFIG_INVALID", "invalid", "DEV_CHAIN_SEAL must be timed or instant");
  }
  const endowed = (env.DEV_CHAIN_ENDOWED ?? "").split(",").flatMap((text) => text.trim() || []);
  for (const account of endowed) accountFrom(account);
  const day = 86_400_000;
  return {
    host: env.DEV_CHAIN_HOST ?? "127.0.0.1",
    port: number("DEV_CHAIN_PORT", 9944, 65_535),
    seal,
    blockMs: Math.max(number("DEV_CHAIN_BLOCK_MS", 1000, day), 10),
    finalityMs: number("DEV_CHAIN_FINALITY_MS", 200, day),
    historyBlocks: Math.max(number("DEV_CHAIN_HISTORY_BLOCKS", 14_400, 10_000_000), 1),
    ...(env.DEV_CHAIN_DATA_DIR ? { dataDir: env.DEV_CHAIN_DATA_DIR } : {}),
    genesis: { endowed: [...devAccounts, ...endowed] },
  };
}
