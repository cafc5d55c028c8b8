import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseBytes } from "@granary/primitives";
import { developmentKeys, type Network, startNetwork } from "@granary/testnet";
import { demonstrate } from "../demo.js";
import { positiveInteger } from "../number.js";
import { createOutput } from "../output.js";
import { NETWORK_DIR, type NetworkFile, networkFileOf } from "../settings.js";

export interface UpOptions {
  readonly dir: string;
  readonly miners: string;
  readonly blockMs: string;
  readonly demo: boolean;
  readonly once: boolean;
  readonly size: string;
  readonly spec?: string;
}

export const upDefaults = { dir: NETWORK_DIR, miners: "16", blockMs: "1000", size: "100MiB" } as const;

/** Starts the whole network here, shows on real input that it works, and keeps it running until it is told to stop. */
export async function up(file: string | undefined, options: UpOptions): Promise<number> {
  const output = createOutput(false);
  const startedAt = performance.now();
  const since = () => `[${((performance.now() - startedAt) / 1000).toFixed(1)}s]`;
  const say = (text: string) => output.say(`${since()} ${text}`);
  const dir = path.resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  const stopping = stopSignal();
  const network = await startNetwork({
    dir,
    minerCount: positiveInteger(options.miners, "--miners"),
    blockMs: positiveInteger(options.blockMs, "--block-ms"),
    chainSpec: options.spec === undefined ? undefined : path.resolve(options.spec),
    wellKnownPorts: true,
    external: {
      databaseUrl: process.env.DATABASE_URL,
      natsUrl: process.env.NATS_URL,
      redisUrl: process.env.REDIS_URL,
      chainUrl: process.env.CHAIN_URL,
    },
    onProgress: say,
    onCrash: (service, logTail) => output.say(`${since()} ${service} ended unexpectedly:\n${logTail}`),
  });
  try {
    say(`the network is ready: gateway ${network.urls.gateway}, chain ${network.urls.chain}, logs in ${dir}/logs`);
    writeNetworkFile(dir, network);
    const code = options.demo ? await demoOrStop(network, file, options, say, stopping) : 0;
    if (options.once || code !== 0) return code;
    say("running until Ctrl-C");
    await stopping;
    return 0;
  } finally {
    say("stopping");
    rmSync(networkFileOf(dir), { force: true });
    await network.stop();
    say("stopped");
  }
}

async function demoOrStop(
  network: Network,
  file: string | undefined,
  options: UpOptions,
  say: (text: string) => void,
  stopping: Promise<void>,
): Promise<number> {
  const demo = demonstrate({ network, file, sizeBytes: parseBytes(options.size), say }).then((isEqual) =>
    isEqual ? 0 : 1,
  );
  return Promise.race([demo, stopping.then(() => 130)]);
}

/** One Ctrl-C can arrive twice: from the terminal, and from npm that passes it on. */
const SAME_SIGNAL_MS = 1_000;

/** Resolves at the first SIGINT or SIGTERM; a later one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | undefined;
    const ask = () => {
      if (askedAt !== undefined && performance.now() - askedAt > SAME_SIGNAL_MS) process.exit(130);
      askedAt ??= performance.now();
      resolve();
    };
    process.on("SIGINT", ask);
    process.on("SIGTERM", ask);
  });
}

function writeNetworkFile(dir: string, network: Network): void {
  const file: NetworkFile = {
    gateway: network.urls.gateway,
    chain: network.urls.chain,
    minerControl: network.urls.minerControl,
    developmentKey: developmentKeys.user,
    operatorToken: developmentKeys.operatorToken,
  };
  writeFileSync(networkFileOf(dir), `${JSON.stringify(file, null, 2)}\n`);
}
