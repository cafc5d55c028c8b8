import type { AccountId, Fid } from "@granary/primitives";
import { u8aToHex } from "@polkadot/util";
import { publicKeyOf } from "./accounts.js";
import { accountFrom, bigOf, digestOrNull, fieldOf, listOf, numberOf, territoryNameOf, textOf } from "./codec.js";
import { consignmentFrom, dealFrom, fileFrom, holdingsFrom, minerFrom, territoryFrom } from "./decode-storage.js";
import { type FollowTiming, followFinalized } from "./follow.js";
import { digestToChain } from "./hash.js";
import { constant, decodeKeys, hasStorage, type Runtime, shapeUnknown, storageEntry } from "./runtime.js";
import type { Session, Snapshot } from "./session.js";
import { territoryNameBytes } from "./territory-name.js";
import type { At, BlockRef, ChainReader, ChainStatus, UnitPrice } from "./types.js";

/** Arguments go in as hexadecimal: bytes in any other form the registry would read as already encoded. */
const fidKey = (fid: Fid): string => u8aToHex(digestToChain(fid));
const territoryKey = (name: string): string => u8aToHex(territoryNameBytes(name));
const accountKey = (account: AccountId): string => u8aToHex(publicKeyOf(account));

/** A miner is 2.5 kB and more on chain. */
const MINERS_PER_PAGE = 64;

const headReads = (session: Session) => ({
  async status(): Promise<ChainStatus> {
    const [genesisHash, finalized, best, health] = await Promise.all([
      session.genesisHash(),
      session.finalizedHash().then((hash) => session.header(hash)),
      session.header(),
      session.rpc.send<{ isSyncing: boolean }>("system_health"),
    ]);
    const { version } = await session.runtimeInState(best.hash);
    return {
      genesisHash,
      specName: version.specName,
      specVersion: version.specVersion,
      best: { number: best.number, hash: best.hash },
      finalized: { number: finalized.number, hash: finalized.hash },
      isSyncing: health.isSyncing,
    };
  },
  async finalizedHead(): Promise<BlockRef> {
    const { number, hash } = await session.header(await session.finalizedHash());
    return { number, hash };
  },
  async bestHead(): Promise<BlockRef> {
    const { number, hash } = await session.header();
    return { number, hash };
  },
  blockHash: (number: number) => session.blockHash(number),
});

/** The price came to be one of a day with the call that sets it; version numbers do not tell the two apart. */
const hasDailyPrice = (runtime: Runtime): boolean =>
  runtime.decorated.tx.storageHandler?.defineUpdatePrice !== undefined;

const territoryReads = (session: Session) => ({
  async territory(account: AccountId, name: string, at?: At) {
    const value = await session.read(await session.snapshot(at), "StorageHandler", "Territory", [
      accountKey(account),
      territoryKey(name),
    ]);
    return value === null ? null : territoryFrom(account, name, value);
  },
  async territoryOfToken(token: string, at?: At) {
    const value = await session.read(await session.snapshot(at), "StorageHandler", "TerritoryKey", [token]);
    if (value === null) return null;
    const [account, name] = listOf(value);
    if (account === undefined || name === undefined) throw shapeUnknown("the key of a territory");
    return { account: accountFrom(account), name: territoryNameOf(name) };
  },
  async territoryOfOrder(order: string, at?: At) {
    const value = await session.read(await session.snapshot(at), "StorageHandler", "PayOrder", [order]);
    if (value === null) return null;
    return {
      account: accountFrom(fieldOf(value, "target_acc")),
      name: territoryNameOf(fieldOf(value, "territory_name")),
    };
  },
  async territories(account: AccountId, at?: At) {
    const found = [];
    for await (const page of territoryPages(session, await session.snapshot(at), [accountKey(account)])) {
      found.push(...page);
    }
    return found;
  },
  async *allTerritories(at?: At) {
    yield* territoryPages(session, await session.snapshot(at), []);
  },
  async consignment(token: string, at?: At) {
    const value = await session.read(await session.snapshot(at), "StorageHandler", "Consignment", [token]);
    return value === null ? null : consignmentFrom(token, value);
  },
  async *consignments(at?: At) {
    for await (const page of session.entries(await session.snapshot(at), "StorageHandler", "Consignment")) {
      yield page.map(({ keys: [token], value }) => {
        if (token === undefined) throw shapeUnknown("the key of a consignment");
        return consignmentFrom(token.toHex(), value);
      });
    }
  },
  async unitPrice(at?: At): Promise<UnitPrice | null> {
    const snapshot = await session.snapshot(at);
    const value = await session.read(snapshot, "StorageHandler", "UnitPrice");
    return value === null ? null : { amount: bigOf(value), days: hasDailyPrice(snapshot.runtime) ? 1 : 30 };
  },
});

async function* territoryPages(session: Session, snapshot: Snapshot, args: readonly unknown[]) {
  for await (const page of session.entries(snapshot, "StorageHandler", "Territory", { args })) {
    yield page.map(({ keys: [account, name], value }) => {
      if (account === undefined || name === undefined) throw shapeUnknown("the key of a territory");
      return territoryFrom(accountFrom(account), territoryNameOf(name), value);
    });
  }
}

const authorityReads = (session: Session) => {
  const authorizations = async (owner: AccountId, at?: At) => {
    const value = await session.read(await session.snapshot(at), "Oss", "AuthorityList", [accountKey(owner)]);
    return value === null ? [] : listOf(value).map(accountFrom);
  };
  return {
    authorizations,
    isAuthorized: async (owner: AccountId, operator: AccountId, at?: At) =>
      (await authorizations(owner, at)).includes(operator),
    async *allAuthorizations(at?: At) {
      for await (const page of session.entries(await session.snapshot(at), "Oss", "AuthorityList")) {
        yield page.map(({ keys: [owner], value }) => {
          if (owner === undefined) throw shapeUnknown("the key of an authorization");
          return { owner: accountFrom(owner), operators: listOf(value).map(accountFrom) };
        });
      }
    },
    async gateway(account: AccountId, at?: At) {
      const value = await session.read(await session.snapshot(at), "Oss", "Oss", [accountKey(account)]);
      return value === null ? null : { account, domain: textOf(fieldOf(value, "domain")) };
    },
  };
};

const dealReads = (session: Session) => ({
  async deal(fid: Fid, at?: At) {
    const value = await session.read(await session.snapshot(at), "FileBank", "DealMap", [fidKey(fid)]);
    return value === null ? null : dealFrom(fid, value);
  },
  async *openDeals(at?: At) {
    const snapshot = await session.snapshot(at);
    const entry = storageEntry(snapshot.runtime, "FileBank", "DealMap");
    for await (const page of session.keys(snapshot, entry)) {
      yield page.flatMap((key) => {
        const [hash] = decodeKeys(snapshot.runtime, entry, key);
        const fid = hash === undefined ? null : digestOrNull<Fid>(hash);
        return fid === null ? [] : [fid];
      });
    }
  },
  async file(fid: Fid, at?: At) {
    const value = await session.read(await session.snapshot(at), "FileBank", "File", [fidKey(fid)]);
    return value === null ? null : fileFrom(fid, value);
  },
  async holdings(account: AccountId, at?: At) {
    const value = await session.read(await session.snapshot(at), "FileBank", "UserHoldFileList", [accountKey(account)]);
    return value === null ? [] : holdingsFrom(value);
  },
});

const minerReads = (session: Session) => ({
  async miner(account: AccountId, at?: At) {
    const value = await session.read(await session.snapshot(at), "Sminer", "MinerItems", [accountKey(account)]);
    return value === null ? null : minerFrom(account, value);
  },
  async minersOf(accounts: readonly AccountId[], at?: At) {
    const snapshot = await session.snapshot(at);
    const keys = accounts.map((account) => [accountKey(account)]);
    const values = await session.readMany(snapshot, "Sminer", "MinerItems", keys);
    return new Map(
      accounts.flatMap((account, index) => {
        const value = values[index] ?? null;
        return value === null ? [] : [[account, minerFrom(account, value)] as const];
      }),
    );
  },
  async *miners(at?: At) {
    const snapshot = await session.snapshot(at);
    for await (const page of session.entries(snapshot, "Sminer", "MinerItems", { pageSize: MINERS_PER_PAGE })) {
      yield page.map(({ keys: [account], value }) => {
        if (account === undefined) throw shapeUnknown("the key of a miner");
        return minerFrom(accountFrom(account), value);
      });
    }
  },
});

const accountReads = (session: Session) => ({
  async freeBalance(account: AccountId, at?: At) {
    const value = await session.read(await session.snapshot(at), "System", "Account", [accountKey(account)]);
    return value === null ? 0n : bigOf(fieldOf(fieldOf(value, "data"), "free"));
  },
  async nonce(account: AccountId, at?: At) {
    const value = await session.read(await session.snapshot(at), "System", "Account", [accountKey(account)]);
    return value === null ? 0 : numberOf(fieldOf(value, "nonce"));
  },
  nextNonce: (account: AccountId) => session.rpc.send<number>("system_accountNextIndex", [account]),
});

/** Storage without which nothing here works: better to know at the start. */
const needed = [
  ["FileBank", "DealMap"],
  ["FileBank", "File"],
  ["FileBank", "UserHoldFileList"],
  ["Sminer", "MinerItems"],
  ["StorageHandler", "Territory"],
  ["Oss", "AuthorityList"],
] as const;

/** @throws CodedError CHAIN_SHAPE_UNKNOWN (bug) when this is no chain of the CESS type */
export async function createReader(session: Session, timing: FollowTiming): Promise<ChainReader> {
  const { runtime } = await session.snapshot("finalized");
  for (const [pallet, item] of needed) {
    if (!hasStorage(runtime, pallet, item)) throw shapeUnknown(`storage ${pallet}.${item}: not a CESS-type chain`);
  }
  return {
    existentialDeposit: bigOf(constant(runtime, "Balances", "ExistentialDeposit")),
    ...headReads(session),
    ...territoryReads(session),
    ...authorityReads(session),
    ...dealReads(session),
    ...minerReads(session),
    ...accountReads(session),
    followFinalized: (options) => followFinalized(session, timing, options),
  };
}
