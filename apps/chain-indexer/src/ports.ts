import type { BlockRef, ChainFile, ChainReader, Deal, FileOwner, Territory } from "@granary/chain-client";
import type { ChainMiner, EventName, MessageOf } from "@granary/contracts";
import type { AccountId, Fid } from "@granary/primitives";
import type { Log } from "@granary/telemetry";

/** How far the tables are, and of which chain they tell. */
export type { BlockRef };

export interface Cursor extends BlockRef {
  readonly genesisHash: string;
}

export type DealState = "open" | "completed" | "removed";

export interface KnownReport {
  readonly index: number;
  readonly miner: AccountId;
  readonly block: number;
}

export interface KnownDeal {
  readonly fid: Fid;
  readonly state: DealState;
  readonly owner: FileOwner;
  readonly operator: AccountId;
  readonly sizeBytes: number;
  readonly segmentCount: number;
  readonly openedBlock: number;
  readonly updatedBlock: number;
  readonly reports: readonly KnownReport[];
}

export interface KnownFile {
  readonly fid: Fid;
  readonly state: ChainFile["state"];
  readonly sizeBytes: number;
  readonly segmentCount: number;
  readonly completedBlock: number;
  readonly updatedBlock: number;
  readonly owners: readonly FileOwner[];
}

/** A fact to announce, in the transaction that makes it true. */
export type Fact = { [K in EventName]: { readonly name: K; readonly message: MessageOf<K> } }[EventName];

export interface TerritoryKey {
  readonly account: AccountId;
  readonly name: string;
}

export interface Authorizations {
  readonly owner: AccountId;
  readonly operators: readonly AccountId[];
}

/** Rows to write and facts to announce: all of it, or nothing. */
export interface Effects {
  /** With all their reports. */
  readonly deals: readonly KnownDeal[];
  readonly files: readonly KnownFile[];
  readonly goneFiles: readonly Fid[];
  readonly miners: readonly ChainMiner[];
  readonly goneMiners: readonly AccountId[];
  readonly territories: readonly Territory[];
  readonly goneTerritories: readonly TerritoryKey[];
  readonly authorizations: readonly Authorizations[];
  readonly facts: readonly Fact[];
}

export const noEffects: Effects = {
  deals: [],
  files: [],
  goneFiles: [],
  miners: [],
  goneMiners: [],
  territories: [],
  goneTerritories: [],
  authorizations: [],
  facts: [],
};

/** The tables that mirror the finalized chain. */
export interface MirrorStore {
  cursor(): Promise<Cursor | null>;
  deals(fids: readonly Fid[]): Promise<ReadonlyMap<Fid, KnownDeal>>;
  openDealFids(): Promise<readonly Fid[]>;
  file(fid: Fid): Promise<KnownFile | null>;
  files(fids: readonly Fid[]): Promise<ReadonlyMap<Fid, KnownFile>>;
  /** Accounts that own files in the tables, with what they own. */
  fileOwners(): Promise<ReadonlyMap<AccountId, readonly { readonly fid: Fid; readonly territory: string }[]>>;
  minersOf(accounts: readonly AccountId[]): Promise<ReadonlyMap<AccountId, ChainMiner>>;
  miners(after: AccountId | null, count: number): Promise<readonly ChainMiner[]>;
  allMiners(): Promise<ReadonlyMap<AccountId, ChainMiner>>;
  territoriesNamed(names: readonly string[]): Promise<readonly TerritoryKey[]>;
  territoriesOfTokens(tokens: readonly string[]): Promise<readonly TerritoryKey[]>;
  /** Territories that the tables still have as usable although their time is over at this block. */
  territoriesOverdue(block: number): Promise<readonly TerritoryKey[]>;
  allTerritories(): Promise<readonly Territory[]>;
  allAuthorizations(): Promise<readonly Authorizations[]>;
  /**
   * Writes effects, facts and the cursor in one transaction, if the cursor is still `from`.
   * @throws CodedError CURSOR_MOVED (conflict) when it is not: another replica was faster
   */
  commit(from: Cursor | null, to: Cursor, effects: Effects, options?: { clear: boolean }): Promise<void>;
}

/** What the flows tell about themselves. */
export interface Observer {
  blockApplied(block: { readonly number: number; readonly events: readonly { readonly kind: string }[] }): void;
  factsAnnounced(facts: readonly Fact[]): void;
  recovered(reason: "first" | "other-chain" | "history" | "pruned"): void;
  rescanned(seconds: number): void;
  leading(isLeading: boolean): void;
}

export interface IndexerPorts {
  readonly chain: ChainReader;
  readonly mirror: MirrorStore;
  readonly observer: Observer;
  readonly log: Log;
}

/** What the chain has of a FID at one block. */
export interface LiveFid {
  readonly deal: Deal | null;
  readonly file: ChainFile | null;
}
