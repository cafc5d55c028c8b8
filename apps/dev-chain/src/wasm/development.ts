import { xxhashAsU8a } from "@polkadot/util-crypto";
import { accountFrom } from "../engine/account.js";
import { fromHex, type Hex, toHex } from "../engine/codec.js";
import { totalIssuance } from "../pallet/balances.js";
import { sudoKey } from "../pallet/sudo.js";
import { accountAt, accounts } from "../pallet/system.js";
import { Overlay } from "../store/overlay.js";
import type { ChainSpec } from "./spec.js";

/** Accounts as `accountFrom` reads them. */
export interface DevelopmentKeys {
  /** May use `sudo`: to register TEE workers, to begin audits. */
  readonly sudo: string;
  /** Stands for every TEE worker: what it signs, the runtime takes for a worker's word. */
  readonly teeMaster: string;
  readonly endowed: readonly string[];
  readonly endowment: bigint;
}

/** Whose key is the TEE workers' master key on a development chain. */
export const teeMasterAccount = "//TeeMaster";

const teeMasterKey = toHex(Buffer.concat([xxhashAsU8a("TeeWorker", 128), xxhashAsU8a("MasterPubkey", 128)]));

/** The same chain, under keys that are at hand: without them nobody can speak for its TEE workers or its sudo. */
export function withDevelopmentKeys(spec: ChainSpec, keys: DevelopmentKeys): ChainSpec {
  const state = new Overlay({ get: (key) => spec.top.get(key), keys: () => [], next: () => undefined });
  const sudo = accountFrom(keys.sudo);
  sudoKey.put(state, sudo);
  state.put(teeMasterKey, fromHex(accountFrom(keys.teeMaster)));
  for (const account of new Set([sudo, ...keys.endowed.map(accountFrom)])) endow(state, account, keys.endowment);
  const top = new Map(spec.top);
  for (const [key, value] of state.changes()) if (value !== null) top.set(key, value);
  return { ...spec, top };
}

function endow(state: Overlay, account: Hex, amount: bigint): void {
  const info = accountAt(state, account);
  const data = { ...info.data, free: info.data.free + amount };
  accounts.put(state, account, { ...info, providers: Math.max(info.providers, 1), data });
  totalIssuance.put(state, totalIssuance.get(state) + amount);
}
