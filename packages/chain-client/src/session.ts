import { CodedError } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type { StorageEntry } from "@polkadot/types/primitive/types";
import type { Codec } from "@polkadot/types/types";
import { hexToU8a } from "@polkadot/util";
import { Rpc, RpcRefusal } from "./rpc.js";
import { buildRuntime, decodeKeys, decodeStorage, type Runtime, storageEntry, storageKey } from "./runtime.js";
import type { At, BlockHash, BlockRef } from "./types.js";

export interface Header extends BlockRef {
  readonly parentHash: BlockHash;
}

interface RpcHeader {
  readonly number: string;
  readonly parentHash: string;
}

const NO_HASH = `0x${"00".repeat(32)}`;
/** Recently read blocks whose runtime is remembered. */
const REMEMBERED_BLOCKS = 256;
const KEYS_PER_PAGE = 256;
/** `Option<OpaqueMetadata>` of this version is asked for where a node has no state_getMetadata. */
const METADATA_VERSION = 15;

/** A state to read: a block and the runtime that made it. */
export interface Snapshot {
  readonly hash: BlockHash;
  readonly runtime: Runtime;
}

/** Reads of one chain: which runtime made a block, and decoded storage of its state. */
export class Session {
  private readonly runtimes = new Map<string, Promise<Runtime>>();
  private readonly runtimeOfBlock = new Map<BlockHash, Runtime>();
  private genesis: BlockHash | null = null;

  constructor(
    readonly rpc: Rpc,
    readonly log: Log,
  ) {
    // The next node could be of another chain, or its state could have been wiped.
    rpc.onConnect(() => {
      this.genesis = null;
      this.runtimeOfBlock.clear();
    });
  }

  async genesisHash(): Promise<BlockHash> {
    if (this.genesis !== null) return this.genesis;
    const hash = await this.rpc.send<string>("chain_getBlockHash", [0]);
    this.genesis = hash;
    return hash;
  }

  finalizedHash(): Promise<BlockHash> {
    return this.rpc.send<string>("chain_getFinalizedHead");
  }

  /** Without `hash`: of the best block. @throws CodedError BLOCK_UNKNOWN (absent) */
  async header(hash?: BlockHash): Promise<Header> {
    const header = await this.rpc.send<RpcHeader | null>("chain_getHeader", hash === undefined ? [] : [hash]);
    if (header === null) throw new CodedError("BLOCK_UNKNOWN", "absent", "the node does not know this block", {});
    const number = Number(header.number);
    if (hash !== undefined) return { number, hash, parentHash: header.parentHash };
    const best = await this.blockHash(number);
    if (best === null) return this.header();
    return { number, hash: best, parentHash: header.parentHash };
  }

  async blockHash(number: number): Promise<BlockHash | null> {
    const hash = await this.rpc.send<string | null>("chain_getBlockHash", [number]);
    return hash === null || hash === NO_HASH ? null : hash;
  }

  async snapshot(at: At = "finalized"): Promise<Snapshot> {
    const hash =
      at === "finalized" ? await this.finalizedHash() : at === "best" ? (await this.header()).hash : (at as BlockHash);
    const remembered = this.runtimeOfBlock.get(hash);
    if (remembered !== undefined) return { hash, runtime: remembered };
    return { hash, runtime: await this.runtimeOf(await this.header(hash)) };
  }

  /**
   * The runtime that executed a block is the one in the state of its parent: a block that brings a new runtime is itself
   * still in the old form.
   */
  async runtimeOf(header: Header): Promise<Runtime> {
    const remembered = this.runtimeOfBlock.get(header.hash);
    if (remembered !== undefined) return remembered;
    const maker = header.number === 0 ? header.hash : header.parentHash;
    const runtime = await this.runtimeInState(maker);
    this.remember(header.hash, runtime);
    return runtime;
  }

  remember(hash: BlockHash, runtime: Runtime): void {
    this.runtimeOfBlock.set(hash, runtime);
    const oldest = this.runtimeOfBlock.keys().next().value;
    if (this.runtimeOfBlock.size > REMEMBERED_BLOCKS && oldest !== undefined) this.runtimeOfBlock.delete(oldest);
  }

  /** The runtime that would execute a block on top of this one. */
  async runtimeInState(hash: BlockHash): Promise<Runtime> {
    const version = await this.rpc.send<{ specName: string; specVersion: number; transactionVersion: number }>(
      "state_getRuntimeVersion",
      [hash],
    );
    const genesis = await this.genesisHash();
    const key = `${genesis} ${version.specName} ${version.specVersion}`;
    const known = this.runtimes.get(key);
    if (known !== undefined) return known;
    const { specName, specVersion, transactionVersion } = version;
    const loading = this.metadata(hash).then((hex) => buildRuntime({ specName, specVersion, transactionVersion }, hex));
    this.runtimes.set(key, loading);
    try {
      const runtime = await loading;
      this.log.info("read the metadata of a runtime", { specName, specVersion });
      return runtime;
    } catch (error) {
      this.runtimes.delete(key);
      throw error;
    }
  }

  private async metadata(hash: BlockHash): Promise<string> {
    try {
      return await this.rpc.send<string>("state_getMetadata", [hash]);
    } catch (error) {
      if (!(error instanceof RpcRefusal)) throw error;
    }
    const version = Buffer.alloc(4);
    version.writeUInt32LE(METADATA_VERSION);
    const hex = await this.rpc.send<string>("state_call", [
      "Metadata_metadata_at_version",
      `0x${version.toString("hex")}`,
      hash,
    ]);
    return unwrapOpaque(hex);
  }

  async read(snapshot: Snapshot, pallet: string, item: string, args: readonly unknown[] = []): Promise<Codec | null> {
    const entry = storageEntry(snapshot.runtime, pallet, item);
    const raw = await this.rpc.send<string | null>("state_getStorage", [
      storageKey(snapshot.runtime, entry, args),
      snapshot.hash,
    ]);
    return decodeStorage(snapshot.runtime, entry, raw);
  }

  /** Values of many keys of one map, in the order of the keys. */
  async readMany(
    snapshot: Snapshot,
    pallet: string,
    item: string,
    keys: readonly (readonly unknown[])[],
  ): Promise<readonly (Codec | null)[]> {
    if (keys.length === 0) return [];
    const entry = storageEntry(snapshot.runtime, pallet, item);
    const hexKeys = keys.map((args) => storageKey(snapshot.runtime, entry, args));
    const values = await this.values(snapshot, hexKeys);
    return hexKeys.map((key) => decodeStorage(snapshot.runtime, entry, values.get(key) ?? null));
  }

  /** Entries of a map (under `args`, where it has several keys), page by page, all from one state. */
  async *entries(
    snapshot: Snapshot,
    pallet: string,
    item: string,
    options: { args?: readonly unknown[]; pageSize?: number } = {},
  ): AsyncGenerator<readonly { readonly keys: readonly Codec[]; readonly value: Codec }[]> {
    const entry = storageEntry(snapshot.runtime, pallet, item);
    for await (const page of this.keys(snapshot, entry, options)) {
      const values = await this.values(snapshot, page);
      yield page.flatMap((key) => {
        const value = decodeStorage(snapshot.runtime, entry, values.get(key) ?? null);
        return value === null ? [] : [{ keys: decodeKeys(snapshot.runtime, entry, key), value }];
      });
    }
  }

  async *keys(
    snapshot: Snapshot,
    entry: StorageEntry,
    options: { args?: readonly unknown[]; pageSize?: number } = {},
  ): AsyncGenerator<readonly string[]> {
    const prefix = partialKey(snapshot.runtime, entry, options.args ?? []);
    const pageSize = options.pageSize ?? KEYS_PER_PAGE;
    let after: string | null = null;
    while (true) {
      const page: string[] = await this.rpc.send<string[]>("state_getKeysPaged", [
        prefix,
        pageSize,
        after,
        snapshot.hash,
      ]);
      if (page.length > 0) yield page;
      if (page.length < pageSize) return;
      after = page.at(-1) as string;
    }
  }

  private async values(snapshot: Snapshot, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const sets = await this.rpc.send<{ changes: [string, string | null][] }[]>("state_queryStorageAt", [
      keys,
      snapshot.hash,
    ]);
    const values = new Map<string, string>();
    for (const [key, value] of sets.flatMap((set) => set.changes)) if (value !== null) values.set(key, value);
    return values;
  }
}

/** The storage key of a map up to (and with) the given first keys. */
function partialKey(runtime: Runtime, entry: StorageEntry, args: readonly unknown[]): string {
  return entry.iterKey === undefined ? storageKey(runtime, entry, args) : entry.iterKey(...args).toHex();
}

/** Takes the metadata out of the SCALE bytes of `Option<Vec<u8>>`. */
function unwrapOpaque(hex: string): string {
  const bytes = hexToU8a(hex);
  if (bytes[0] !== 1) throw new CodedError("CHAIN_SHAPE_UNKNOWN", "bug", "the node has no metadata of a known version");
  const mode = (bytes[1] ?? 0) & 3;
  const lengthBytes = mode === 3 ? ((bytes[1] ?? 0) >> 2) + 5 : 1 << mode;
  return `0x${Buffer.from(bytes.subarray(1 + lengthBytes)).toString("hex")}`;
}
