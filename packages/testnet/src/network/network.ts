import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { loadSigner } from "@granary/chain-client";
import { migrate } from "@granary/database";
import { type NodeProcess, superviseNodeProcess } from "../process.js";
import type { Server } from "../server/embedded-server.js";
import { startNats } from "../server/nats.js";
import { startPostgres } from "../server/postgres.js";
import { startRedis } from "../server/redis.js";
import { ensureKeyFile } from "./key-file.js";
import { type NetworkPlan, planNetwork } from "./plan.js";
import { developmentKeys, type ServiceName, serviceEnvironment } from "./service-environment.js";

export interface NetworkOptions {
  /** Folder of this network alone: its data, its logs. A later start goes on with what is in it. */
  readonly dir: string;
  readonly minerCount?: number;
  /** Servers that run already; they are used, and never started or stopped. */
  readonly external?: {
    readonly databaseUrl?: string | undefined;
    readonly natsUrl?: string | undefined;
    readonly redisUrl?: string | undefined;
    readonly chainUrl?: string | undefined;
  };
  readonly blockMs?: number;
  /** Path of a raw chain specification: the chain runs its runtime, under development keys. */
  readonly chainSpec?: string | undefined;
  /** False trades safety against power loss for speed: tests. */
  readonly durable?: boolean;
  /** Try the ports that people know (gateway 8080, chain 9944) before others. */
  readonly wellKnownPorts?: boolean;
  /** Settings on top of a service's own. */
  readonly environment?: Partial<Record<ServiceName, Readonly<Record<string, string>>>>;
  /** Services that are left out: tests that play them themselves. */
  readonly without?: readonly ServiceName[];
  /** Told what is being done now, for people. */
  readonly onProgress?: (doing: string) => void;
  readonly onCrash?: (service: string, logTail: string) => void;
}

export interface Network {
  readonly dir: string;
  readonly urls: {
    readonly gateway: string;
    readonly chain: string;
    readonly minerControl: string;
    readonly database: string;
    readonly nats: string;
    readonly redis: string;
  };
  /** SS58 account that signs for the gateway. */
  readonly gatewayAccount: string;
  readonly servers: { readonly postgres: Server; readonly nats: Server; readonly redis: Server };
  readonly services: Readonly<Record<ServiceName, NodeProcess>>;
  /** Stops services, then servers; data stays. */
  stop(): Promise<void>;
}

const BLOCK_MS = 1_000;
const MINERS = 16;
const processOf: Record<ServiceName, string> = {
  "dev-chain": "dev-chain",
  "storage-miners": "storage-miner",
  "chain-indexer": "chain-indexer",
  preprocessor: "preprocessor",
  scheduler: "scheduler",
  retrieval: "retrieval",
  "ingest-gateway": "ingest-gateway",
};
/** Services in the order in which they start; those of one row start together, the last row stops first. */
const startOrder: readonly (readonly ServiceName[])[] = [
  ["dev-chain"],
  ["storage-miners", "chain-indexer", "preprocessor", "scheduler", "retrieval", "ingest-gateway"],
];

const scriptOf = (name: ServiceName): string =>
  fileURLToPath(new URL(`../../../../apps/${processOf[name]}/dist/main.js`, import.meta.url));

/** Starts the whole network on loopback and returns when every part of it is ready. On failure nothing is left running. */
export async function startNetwork(options: NetworkOptions): Promise<Network> {
  const { dir, onProgress = () => {}, external = {} } = options;
  await mkdir(dir, { recursive: true });
  const plan = await planNetwork(dir, {
    minerCount: options.minerCount ?? MINERS,
    wellKnownPorts: options.wellKnownPorts ?? false,
  });
  onProgress("starting PostgreSQL, NATS and Redis");
  const servers = await startServers(options, plan);
  const services = await superviseServices(options, plan, servers);
  const stop = async () => {
    for (const row of [...startOrder].reverse()) await Promise.all(row.map((name) => services[name].stop()));
    await Promise.all(Object.values(servers).map((server) => server.stop()));
  };
  try {
    onProgress("preparing the database");
    await migrate(servers.postgres.url);
    for (const row of startOrder) {
      const wanted = row.filter((name) => !isLeftOut(options, name));
      if (wanted.length === 0) continue;
      onProgress(`starting ${wanted.join(", ")}`);
      await Promise.all(wanted.map((name) => services[name].launch()));
      await Promise.all(wanted.map((name) => services[name].ready()));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    dir,
    urls: {
      gateway: services["ingest-gateway"].url,
      chain: external.chainUrl ?? `ws://127.0.0.1:${plan.ports["dev-chain"]}`,
      minerControl: services["storage-miners"].url,
      database: servers.postgres.url,
      nats: servers.nats.url,
      redis: servers.redis.url,
    },
    gatewayAccount: (await loadSigner(developmentKeys.gateway)).account,
    servers,
    services,
    stop,
  };
}

const isLeftOut = (options: NetworkOptions, name: ServiceName): boolean =>
  (name === "dev-chain" && options.external?.chainUrl !== undefined) || (options.without?.includes(name) ?? false);

async function startServers(options: NetworkOptions, plan: NetworkPlan): Promise<Network["servers"]> {
  const { dir, external = {}, durable, onProgress } = options;
  const of = (name: "postgres" | "nats" | "redis", url: string | undefined) => ({
    dataDir: `${dir}/${name}`,
    url,
    port: plan.ports[name],
    durable,
    log: onProgress,
    onCrash: (_exit: unknown, logTail: string) => options.onCrash?.(name, logTail),
  });
  const started = await Promise.allSettled([
    startPostgres(of("postgres", external.databaseUrl)),
    startNats(of("nats", external.natsUrl)),
    startRedis(of("redis", external.redisUrl)),
  ]);
  const failure = started.find((result) => result.status === "rejected");
  if (failure !== undefined) {
    await Promise.all(started.map((result) => (result.status === "fulfilled" ? result.value.stop() : undefined)));
    throw failure.reason;
  }
  const [postgres, nats, redis] = started.map((result) => (result as PromiseFulfilledResult<Server>).value);
  return { postgres: postgres as Server, nats: nats as Server, redis: redis as Server };
}

async function superviseServices(
  options: NetworkOptions,
  plan: NetworkPlan,
  servers: Network["servers"],
): Promise<Record<ServiceName, NodeProcess>> {
  const accounts = await Promise.all(
    [developmentKeys.gateway, developmentKeys.faucet, developmentKeys.user].map((key) => loadSigner(key)),
  );
  const environment = serviceEnvironment({
    plan,
    dir: options.dir,
    blockMs: options.blockMs ?? BLOCK_MS,
    chainSpec: options.chainSpec,
    endowedAccounts: accounts.map((signer) => signer.account),
    gatewaySecret: developmentKeys.gateway,
    keyFile: await ensureKeyFile(options.dir),
    addresses: {
      databaseUrl: servers.postgres.url,
      natsUrl: servers.nats.url,
      redisUrl: servers.redis.url,
      chainUrl: options.external?.chainUrl ?? `ws://127.0.0.1:${plan.ports["dev-chain"]}`,
    },
  });
  const supervise = (name: ServiceName): NodeProcess =>
    superviseNodeProcess({
      name,
      script: scriptOf(name),
      dir: options.dir,
      port: plan.ports[name],
      readyPath: name === "dev-chain" ? "/health" : "/ready",
      env: { ...environment[name], ...options.environment?.[name] },
      onCrash: (_exit, logTail) => options.onCrash?.(name, logTail),
    });
  return Object.fromEntries((Object.keys(processOf) as ServiceName[]).map((name) => [name, supervise(name)])) as Record<
    ServiceName,
    NodeProcess
  >;
}
