import { blake2AsHex } from "@polkadot/util-crypto";
import { encode, fromHex, type Hex } from "../engine/codec.js";
import { type Context, ensureRoot, handler, type Pallet, signer } from "../engine/dispatch.js";
import { stored, storedMap, storedMaybe } from "../engine/storage.js";
import { runtimeVersion } from "../shape/version.js";
import type { Overlay } from "../store/overlay.js";
import type { StateReader } from "../store/versioned-store.js";

export interface AccountData {
  free: bigint;
  reserved: bigint;
  frozen: bigint;
  flags: bigint;
}
export interface AccountInfo {
  nonce: number;
  consumers: number;
  providers: number;
  sufficients: number;
  data: AccountData;
}

export const accounts = storedMap<[Hex], AccountInfo>("System", "Account");
export const blockNumber = stored<number>("System", "Number");
export const blockHashes = storedMap<[number], Hex>("System", "BlockHash");
const parentHash = stored<Hex>("System", "ParentHash");
const extrinsicCount = storedMaybe<number>("System", "ExtrinsicCount");
const extrinsicsLength = storedMaybe<number>("System", "AllExtrinsicsLen");
export const events = stored<unknown[]>("System", "Events");
const eventCount = stored<number>("System", "EventCount");
const lastUpgrade = storedMaybe<{ specVersion: number; specName: string }>("System", "LastRuntimeUpgrade");

/** Marks flags of an account whose balances follow the current accounting rules (the highest bit). */
const newLogic = 1n << 127n;
export const emptyAccount = (): AccountInfo => ({
  nonce: 0,
  consumers: 0,
  providers: 0,
  sufficients: 0,
  data: { free: 0n, reserved: 0n, frozen: 0n, flags: newLogic },
});

export const accountAt = (state: StateReader, account: Hex): AccountInfo =>
  accounts.find(state, account) ?? emptyAccount();

/** How many hashes of past blocks the state holds: the longest era a transaction can have, and then some. */
export const blockHashCount = 2400;

export function initializeBlock(state: Overlay, number: number, parent: Hex): void {
  blockNumber.put(state, number);
  parentHash.put(state, parent);
  blockHashes.put(state, number - 1, parent);
  const outdated = number - 1 - blockHashCount;
  // The hash of the genesis block stays: immortal transactions refer to it.
  if (outdated > 0) blockHashes.remove(state, outdated);
}

/** @param records the block's events, each encoded already */
export function finalizeBlock(
  state: Overlay,
  records: readonly Uint8Array[],
  lengthBytes: number,
  count: number,
): void {
  state.put(events.key(), Buffer.concat([encode("Compact<u32>", records.length), ...records]));
  eventCount.put(state, records.length);
  extrinsicCount.put(state, count);
  extrinsicsLength.put(state, lengthBytes);
}

export function genesisSystem(state: Overlay): void {
  lastUpgrade.put(state, { specVersion: runtimeVersion.specVersion, specName: runtimeVersion.specName });
}

export const system: Pallet = {
  name: "System",
  calls: {
    remark: handler((context) => {
      if (context.origin.type !== "root") signer(context);
    }),
    remark_with_event: handler((context, { remark }: { remark: Hex }) => {
      const sender = signer(context);
      context.emit("System", "Remarked", { sender, hash: blake2AsHex(fromHex(remark), 256) });
    }),
    set_storage: handler((context, { items }: { items: [Hex, Hex][] }) => {
      ensureRoot(context);
      for (const [key, value] of items) context.state.put(key, fromHex(value));
    }),
    kill_storage: handler((context, { keys }: { keys: Hex[] }) => {
      ensureRoot(context);
      for (const key of keys) context.state.remove(key);
    }),
    kill_prefix: handler((context: Context, { prefix }: { prefix: Hex; subkeys: number }) => {
      ensureRoot(context);
      for (const key of context.state.keys(prefix)) context.state.remove(key);
    }),
  },
};
