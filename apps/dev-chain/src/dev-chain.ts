import { randomUUID } from "node:crypto";
import { CodedError } from "@granary/primitives";
import { cryptoWaitReady } from "@polkadot/util-crypto";
import { Chain } from "./engine/chain.js";
import type { Hex } from "./engine/codec.js";
import type { Block, Engine } from "./engine/engine.js";
import { defaultGenesis, type Genesis } from "./engine/genesis.js";
import { Sealer, type SealerConfig } from "./engine/sealer.js";
import { createTsEngine } from "./engine/ts-engine.js";
import { Dispatcher } from "./rpc/dispatcher.js";
import type { Faults } from "./rpc/method.js";
import { RpcServer } from "./rpc/server.js";
import { FileJournal, type Journal, type Loaded, memoryJournal } from "./store/journal.js";
import { teeMasterAccount, withDevelopmentKeys } from "./wasm/development.js";
import { WasmEngine } from "./wasm/engine.js";
import { readSpec } from "./wasm/spec.js";

export interface SpecConfig {
  /** Of a raw chain specification. */
  readonly path: string;
  /** `development`: sudo, the TEE workers' master key and money are given to accounts of the development seed. */
  readonly keys: "own" | "development";
}

export interface DevChainConfig extends Partial<SealerConfig> {
  readonly host?: string;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** Without a folder the chain ends with its process. */
  readonly dataDir?: string;
  /** Past blocks and states that clients can ask for. */
  readonly historyBlocks?: number;
  /** What a new chain begins with; a folder that has a chain already goes on with that. */
  readonly genesis?: Partial<Genesis>;
  /** The runtime and first state of another chain, in the place of the pallets and the genesis here. */
  readonly spec?: SpecConfig;
  /** Takes requests for trouble: `dev_…` in src/rpc/dev-methods.ts. */
  readonly faults?: boolean;
  /** One line for each thing that should not have happened. */
  readonly log?: (message: string, error: unknown) => void;
  /** The chain cannot go on, e.g. because its disk is full. */
  readonly onFatal?: (error: unknown) => void;
}

export interface DevChain {
  /** WebSocket address; known after `start`. */
  readonly url: string;
  readonly genesisHash: Hex;
  readonly height: number;
  readonly finalized: number;
  start(): Promise<void>;
  close(): Promise<void>;
  /** Makes a block now, of everything that waits. */
  sealBlock(): { readonly hash: Hex; readonly number: number };
}

const defaults = {
  seal: "timed",
  blockMs: 1000,
  finalityMs: 200,
  host: "127.0.0.1",
  port: 0,
  historyBlocks: 14_400,
} as const;
const historyBytes = 512 * 1024 * 1024;

export async function createDevChain(config: DevChainConfig = {}): Promise<DevChain> {
  await cryptoWaitReady();
  const settings = { ...defaults, ...config };
  const log =
    config.log ??
    ((message, error) => console.error(JSON.stringify({ level: "error", message, error: String(error) })));
  const onBug = (error: unknown) => log("a rule broke", error);
  const engine = makeEngine(settings, onBug);
  const { chain, journal } = openChain(settings, engine);
  const sealer = new Sealer(chain, journal, settings, (error) => {
    log("the chain stopped", error);
    config.onFatal?.(error);
  });
  const faults: Faults = {
    seal: () => sealer.seal(),
    reorganize: (depth, fate) => sealer.reorganize(depth, fate),
    stallFinality: (isStalled) => sealer.stallFinality(isStalled),
    shiftClock: (shiftMs) => sealer.shiftClock(shiftMs),
    silenceSubscriptions: () => server.silenceSubscriptions(),
  };
  const nodeName = "granary-dev-chain";
  const dispatcher = new Dispatcher({ chain, nodeName, faults: settings.faults === true ? faults : null }, onBug);
  const health = () => ({ height: numberOf(chain.head), finalized: numberOf(chain.finalized) });
  const server = new RpcServer(dispatcher, health, settings);
  let port: number | undefined;
  return {
    get url() {
      if (port === undefined) throw new CodedError("NOT_STARTED", "bug", "the chain was not started");
      return `ws://${settings.host}:${port}`;
    },
    genesisHash: chain.genesisHash,
    get height() {
      return numberOf(chain.head);
    },
    get finalized() {
      return numberOf(chain.finalized);
    },
    async start() {
      port = await server.listen();
      sealer.start();
    },
    async close() {
      sealer.stop();
      if (port !== undefined) await server.close();
      journal.close();
    },
    sealBlock() {
      const block = sealer.seal();
      return { hash: block.hash, number: numberOf(block) };
    },
  };
}

function makeEngine({ spec, genesis }: DevChainConfig, onBug: (error: unknown) => void): Engine {
  const begin = { ...defaultGenesis, seed: randomUUID(), ...genesis };
  if (spec === undefined) return createTsEngine(begin, onBug);
  const own = readSpec(spec.path);
  const chosen =
    spec.keys === "development" ? withDevelopmentKeys(own, { teeMaster: teeMasterAccount, ...begin }) : own;
  return new WasmEngine(chosen, {
    log: (level, target, message) => {
      if (level === "error") onBug(new Error(`${target}: ${message}`));
    },
    onTrap: onBug,
  });
}

const numberOf = (block: Block): number => block.header.number;

interface Opened {
  readonly chain: Chain;
  readonly journal: Journal;
}

function openChain(config: DevChainConfig & { historyBlocks: number }, engine: Engine): Opened {
  const { dataDir, historyBlocks } = config;
  const loaded = dataDir === undefined ? undefined : FileJournal.load(dataDir);
  const start: Loaded = loaded ?? fresh(engine);
  const journal =
    dataDir === undefined
      ? memoryJournal
      : FileJournal.open(
          dataDir,
          { hash: start.genesisHash, origin: start.origin },
          { blocks: historyBlocks, bytes: historyBytes },
        );
  const chain = new Chain(engine, start.genesisHash, start.origin, { historyBlocks, historyBytes }, journal);
  for (const block of start.blocks) chain.replay(block);
  return { chain, journal };
}

function fresh(engine: Engine): Loaded {
  const origin = engine.genesis();
  return { genesisHash: origin.block.hash, origin, blocks: [] };
}
