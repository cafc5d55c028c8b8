import { blake2AsU8a } from "@polkadot/util-crypto";
import { mint } from "../pallet/balances.js";
import { minerRewards } from "../pallet/cess-treasury.js";
import { expenders } from "../pallet/challenge.js";
import { faucetAccount, faucetWhitelist, genesisMiner } from "../pallet/sminer.js";
import { sudoKey } from "../pallet/sudo.js";
import { events, genesisSystem } from "../pallet/system.js";
import { genesisWorker } from "../pallet/tee-worker.js";
import { unitPrice } from "../pallet/territory.js";
import { genesisPayment } from "../pallet/transaction-payment.js";
import { runtimeVersion, TCESS } from "../shape/version.js";
import { Overlay } from "../store/overlay.js";
import { accountFrom } from "./account.js";
import { nextStateRoot } from "./block.js";
import { type Hex, textHex, toHex } from "./codec.js";
import type { BuiltBlock } from "./engine.js";
import { Execution } from "./execution.js";
import { type Header, headerHash } from "./header.js";
import { codeKey, codeOf } from "./runtime.js";

/** A miner that is there from the first block: registered, staked, positive, with certified idle space. */
export interface GenesisMiner {
  readonly account: string;
  readonly endpoint: string;
  readonly declaredTib?: number;
  readonly idleGib?: number;
}

export interface Genesis {
  /** Accounts as `accountFrom` reads them. */
  readonly sudo: string;
  readonly endowed: readonly string[];
  readonly endowment: bigint;
  /** Price of a GiB for a day. */
  readonly unitPrice: bigint;
  readonly miners: readonly GenesisMiner[];
  /** Makes this chain another one than every other with the same settings: it has its own genesis hash. */
  readonly seed: string;
}

export const devAccounts = ["//Alice", "//Bob", "//Charlie", "//Dave", "//Eve", "//Ferdie"] as const;

export const defaultGenesis: Genesis = {
  sudo: "//Alice",
  endowed: devAccounts,
  endowment: 100_000_000n * TCESS,
  unitPrice: TCESS,
  miners: [],
  seed: "",
};

const seedKey = textHex(":granary:seed");
/** Layers, length and degree of the graph behind idle files: audits choose their samples by it. */
const idleProofShape = [8n, 1_048_576n, 64n] as const;
const nothing = new Map<Hex, Uint8Array>();

export function genesisBlock(genesis: Genesis, onBug: (error: unknown) => void): BuiltBlock {
  const state = new Overlay({ get: (key) => nothing.get(key), keys: () => [], next: () => undefined });
  const zero: Hex = `0x${"00".repeat(32)}`;
  const context = new Execution(state, 0, zero, onBug).context({ type: "root" });
  state.put(codeKey, codeOf(runtimeVersion.specVersion));
  state.put(seedKey, Buffer.from(genesis.seed, "utf8"));
  genesisSystem(state);
  genesisPayment(state);
  unitPrice.put(state, genesis.unitPrice);
  genesisWorker(context);
  expenders.put(state, idleProofShape);
  const sudo = accountFrom(genesis.sudo);
  sudoKey.put(state, sudo);
  faucetWhitelist.put(state, sudo);
  const endowed = [genesis.sudo, ...genesis.endowed, ...genesis.miners.map(({ account }) => account)].map(accountFrom);
  for (const account of new Set([...endowed, faucetAccount, minerRewards])) mint(context, account, genesis.endowment);
  for (const miner of genesis.miners) {
    const { account, endpoint, declaredTib = 1, idleGib = 512 } = miner;
    genesisMiner(context, accountFrom(account), textHex(endpoint), declaredTib, idleGib);
  }
  events.put(state, []);
  const changes = state.changes();
  const header: Header = {
    parentHash: zero,
    number: 0,
    stateRoot: nextStateRoot(zero, changes),
    extrinsicsRoot: toHex(blake2AsU8a(new Uint8Array(), 256)),
    logs: [],
  };
  return { block: { hash: headerHash(header), header, extrinsics: [] }, changes };
}
