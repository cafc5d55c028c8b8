import { type ChainClient, connectChain, type Signer } from "@granary/chain-client";
import { asCodedError, CodedError, type Fid } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import { createSharedChain } from "./adapters/chain.js";
import type { Behaviour } from "./behaviour.js";
import type { Attestor } from "./flow/attest.js";
import { registerMiners } from "./flow/register-miners.js";
import type { MinerMetrics } from "./metrics.js";
import { type MinerSpec, openMiner, type StorageMiner } from "./miner.js";
import type { MinerTiming } from "./ports.js";

export interface MinerHostConfig {
  readonly miners: readonly MinerSpec[];
  readonly chainUrls: readonly string[];
  /** Space that each miner brings. */
  readonly idleBytes: number;
  /** Pays stake and fees of miners that have no money. */
  readonly funder: Signer | null;
  /** Who says to the chain that the miners have their space. */
  readonly attestor: Attestor;
  readonly timing: MinerTiming;
  readonly log: Log;
  readonly metrics: MinerMetrics;
}

/** Many miners in one process, with one connection to the chain. */
export interface MinerHost {
  readonly miners: readonly StorageMiner[];
  /** All miners listen and are on chain, or are dead by order. */
  readonly isReady: boolean;
  /** Resolves when ready; keeps trying while the chain is away or nobody has money. */
  start(): Promise<void>;
  behave(account: string, behaviour: Behaviour): Promise<StorageMiner>;
  stop(): Promise<void>;
}

export function createMinerHost(config: MinerHostConfig): MinerHost {
  return new Host(config);
}

/** A host that is ready. */
export async function startMiners(config: MinerHostConfig): Promise<MinerHost> {
  const host = createMinerHost(config);
  await host.start();
  return host;
}

const RETRY_PAUSE_MS = 1000;

class Host implements MinerHost {
  miners: readonly StorageMiner[] = [];
  isReady = false;
  private readonly stopping = new AbortController();
  private client: ChainClient | undefined;
  private following: Promise<void> | undefined;
  private starting: Promise<void> | undefined;

  constructor(private readonly config: MinerHostConfig) {}

  start(): Promise<void> {
    this.starting ??= this.startAll();
    return this.starting;
  }

  async behave(account: string, behaviour: Behaviour): Promise<StorageMiner> {
    const miner = this.miners.find((one) => one.account === account);
    if (miner === undefined) throw new CodedError("MINER_UNKNOWN", "absent", "this process has no such miner");
    await miner.behave(behaviour);
    return miner;
  }

  /** Reports first, then doors, then the connection: what is in progress can still end well. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.isReady = false;
    await this.starting?.catch(() => undefined);
    await Promise.all(this.miners.map((miner) => miner.stop()));
    await this.following;
    await this.client?.close();
  }

  private async startAll(): Promise<void> {
    const { config } = this;
    const { chainUrls, log, timing, metrics } = config;
    const client = await this.untilDone("the chain is not reached", () => connectChain({ urls: chainUrls, log }));
    if (client === undefined) return;
    this.client = client;
    const chain = createSharedChain(client);
    this.miners = await Promise.all(config.miners.map((spec) => openMiner(spec, { chain, timing, metrics, log })));
    await Promise.all(this.miners.map((miner) => miner.start()));
    await this.untilDone("the miners are not registered", async () => {
      await registerMiners(client, this.registrations(), config.funder, config.attestor);
      return true;
    });
    if (this.stopping.signal.aborted) return;
    for (const miner of this.miners) miner.startReporting();
    this.following = chain.follow((fids) => this.wake(fids), this.stopping.signal, log);
    this.isReady = true;
  }

  private registrations() {
    const { miners, idleBytes } = this.config;
    return miners.map(({ signer, endpoint }) => ({ signer, endpoint, idleBytes }));
  }

  private wake(fids: ReadonlySet<Fid>): void {
    if (fids.size > 0) for (const miner of this.miners) miner.wake(fids);
  }

  /** Undefined when stopped meanwhile. @throws CodedError where trying again cannot help */
  private async untilDone<T>(trouble: string, attempt: () => Promise<T>): Promise<T | undefined> {
    while (!this.stopping.signal.aborted) {
      try {
        return await attempt();
      } catch (error) {
        const { category } = asCodedError(error);
        if (category === "bug" || category === "invalid" || category === "denied") throw error;
        this.config.log.thrown(`${trouble}; trying again`, error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS));
      }
    }
    return undefined;
  }
}
