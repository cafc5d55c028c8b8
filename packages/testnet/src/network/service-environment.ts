import type { Listener, NetworkPlan } from "./plan.js";

/** Development keys: public knowledge, worth nothing outside a development chain. */
export const developmentKeys = {
  gateway: "//Granary//gateway",
  /** Pays what miners need to register. */
  faucet: "//Alice",
  /** Speaks for the trusted hardware of a chain whose runtime asks for it. */
  teeMaster: "//TeeMaster",
  /** Acts for the user when no key is given. */
  user: "//Bob",
  minerPrefix: "//Granary//miner",
  /** Not a key: what the only operator shows to the gateway. */
  operatorToken: "development-operator",
} as const;

export type ServiceName = Exclude<Listener, "postgres" | "nats" | "redis">;

export interface Addresses {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly redisUrl: string;
  readonly chainUrl: string;
}

export interface ServiceSettings {
  readonly plan: NetworkPlan;
  readonly addresses: Addresses;
  readonly dir: string;
  /** Milliseconds between blocks of the development chain. */
  readonly blockMs: number;
  readonly endowedAccounts: readonly string[];
  /** Path of a raw chain specification whose runtime the chain runs; without it the chain has its own pallets. */
  readonly chainSpec: string | undefined;
  readonly gatewaySecret: string;
  /** File with the keys that wrap the keys of encrypted objects. */
  readonly keyFile: string;
}

/** The environment of each service of a network on this machine. */
export function serviceEnvironment(settings: ServiceSettings): Record<ServiceName, Record<string, string>> {
  const { plan, addresses, dir } = settings;
  const common = (name: ServiceName) => ({
    DATABASE_URL: addresses.databaseUrl,
    NATS_URL: addresses.natsUrl,
    HTTP_HOST: "127.0.0.1",
    HTTP_PORT: String(plan.ports[name]),
  });
  const stagingDir = `${dir}/staging`;
  // Miners of this network listen on loopback.
  const miners = { ALLOW_PRIVATE_MINERS: "true" };
  return {
    "dev-chain": {
      DEV_CHAIN_HOST: "127.0.0.1",
      DEV_CHAIN_PORT: String(plan.ports["dev-chain"]),
      DEV_CHAIN_DATA_DIR: `${dir}/dev-chain`,
      DEV_CHAIN_BLOCK_MS: String(settings.blockMs),
      DEV_CHAIN_ENDOWED: settings.endowedAccounts.join(","),
      ...(settings.chainSpec === undefined
        ? {}
        : { DEV_CHAIN_SPEC: settings.chainSpec, DEV_CHAIN_SPEC_KEYS: "development" }),
    },
    "storage-miners": {
      CHAIN_URL: addresses.chainUrl,
      MINER_COUNT: String(plan.minerCount),
      MINER_PORT_BASE: String(plan.minerPortBase),
      MINER_ADMIN_PORT: String(plan.ports["storage-miners"]),
      MINER_DATA_DIR: `${dir}/miners`,
      MINER_SEED_PREFIX: developmentKeys.minerPrefix,
      MINER_FUNDING_URI: developmentKeys.faucet,
      ...(settings.chainSpec === undefined ? {} : { MINER_TEE_MASTER_URI: developmentKeys.teeMaster }),
    },
    "chain-indexer": { ...common("chain-indexer"), CHAIN_URL: addresses.chainUrl },
    preprocessor: { ...common("preprocessor"), REDIS_URL: addresses.redisUrl, STAGING_DIR: stagingDir },
    scheduler: {
      ...common("scheduler"),
      ...miners,
      CHAIN_URL: addresses.chainUrl,
      REDIS_URL: addresses.redisUrl,
      STAGING_DIR: stagingDir,
      GATEWAY_MNEMONIC: settings.gatewaySecret,
    },
    retrieval: {
      ...common("retrieval"),
      ...miners,
      STAGING_DIR: stagingDir,
      CACHE_DIR: `${dir}/cache`,
      GATEWAY_MNEMONIC: settings.gatewaySecret,
    },
    "ingest-gateway": {
      ...common("ingest-gateway"),
      STAGING_DIR: stagingDir,
      KEY_ENCRYPTION_KEYS_FILE: settings.keyFile,
      RETRIEVAL_URL: `http://127.0.0.1:${plan.ports.retrieval}`,
      OPERATOR_TOKENS: `development=${developmentKeys.operatorToken}`,
    },
  };
}
