import { CodedError } from "@granary/primitives";
import { blake2AsU8a } from "@polkadot/util-crypto";
import type { Journal } from "../store/journal.js";
import { type Changes, VersionedStore } from "../store/versioned-store.js";
import { BlockTree } from "./block-tree.js";
import { type Hex, toHex } from "./codec.js";
import {
  type Block,
  type BlockInProgress,
  type BuiltBlock,
  type Engine,
  type Ground,
  type InvalidReason,
  nonceOf,
  type PoolTransaction,
} from "./engine.js";
import { Pool } from "./pool.js";

export type Refusal =
  | { readonly refused: "undecodable"; readonly detail: string }
  | { readonly refused: "invalid"; readonly reason: InvalidReason; readonly detail?: string }
  | { readonly refused: "already-imported"; readonly hash: Hex }
  | { readonly refused: "priority-too-low"; readonly old: bigint; readonly new: bigint }
  | { readonly refused: "pool-full" };
export type Submitted = { readonly hash: Hex; readonly isFuture: boolean } | Refusal;

export interface ChainLimits {
  /** Past states that can be read and blocks that can be asked for. */
  readonly historyBlocks: number;
  /** Memory for past states. */
  readonly historyBytes: number;
}

/** What becomes of the transactions of blocks that are retired: in the new blocks, back in the pool, or forgotten. */
export const transactionFates = ["again", "later", "never"] as const;
export type TransactionFate = (typeof transactionFates)[number];

type HeadListener = (block: Block, changed: readonly Hex[]) => void;

/**
 * The best chain, and what lost to it. What is sealed stays unless a reorganization is asked for; what is finalized is
 * durable and stays.
 */
export class Chain {
  readonly pool = new Pool();
  readonly store: VersionedStore;
  private readonly tree: BlockTree;
  private readonly importListeners = new Set<(block: Block) => void>();
  private readonly headListeners = new Set<HeadListener>();
  private readonly finalizedListeners = new Set<(block: Block) => void>();
  private readonly readyListeners = new Set<() => void>();
  private best: Block;
  private final: Block;

  constructor(
    readonly engine: Engine,
    readonly genesisHash: Hex,
    /** The state and block to go on from: genesis, or a snapshot of a later block. */
    origin: BuiltBlock,
    limits: ChainLimits,
    private readonly journal: Journal,
  ) {
    const { number } = origin.block.header;
    this.store = new VersionedStore({ blocks: limits.historyBlocks, bytes: limits.historyBytes }, number);
    this.store.load(origin.changes);
    this.best = origin.block;
    this.final = origin.block;
    this.tree = new BlockTree(genesisHash, origin.block, this.store, limits.historyBlocks);
  }

  get head(): Block {
    return this.best;
  }

  get finalized(): Block {
    return this.final;
  }

  /** Of whatever branch. */
  blockOf(hash: Hex): Block | undefined {
    return this.tree.get(hash);
  }

  /** On the best chain. */
  hashAt(number: number): Hex | undefined {
    return this.tree.hashAt(number);
  }

  /** The newest block with its state. */
  ground(): Ground {
    return { block: this.best, state: this.store, genesis: this.genesisHash };
  }

  /** @returns undefined where the block's state is not known any more */
  groundAt(block: Block): Ground | undefined {
    const state = this.tree.stateAfter(block);
    return state && { block, state, genesis: this.genesisHash };
  }

  /** Called for every block, also for those that do not become the best. */
  onImport(listener: (block: Block) => void): () => void {
    return listen(this.importListeners, listener);
  }

  /** Called for every block that becomes the best, with the keys whose values may be others than at the one before. */
  onHead(listener: HeadListener): () => void {
    return listen(this.headListeners, listener);
  }

  onFinalized(listener: (block: Block) => void): () => void {
    return listen(this.finalizedListeners, listener);
  }

  /** Called when a transaction came that the next block can take. */
  onReady(listener: () => void): () => void {
    return listen(this.readyListeners, listener);
  }

  /** A block that the journal already has: at start only. One that does not follow the newest replaces what does not. */
  replay({ block, changes }: BuiltBlock): void {
    while (block.header.parentHash !== this.best.hash) this.retireBest();
    this.extend(block, changes);
    this.final = block;
  }

  submit(bytes: Uint8Array): Submitted {
    let transaction: PoolTransaction | null;
    try {
      transaction = this.engine.decode(bytes);
    } catch (error) {
      return { refused: "undecodable", detail: error instanceof Error ? error.message : String(error) };
    }
    if (transaction === null) return { refused: "invalid", reason: "Call" };
    if (this.pool.has(transaction.hash)) return { refused: "already-imported", hash: transaction.hash };
    const validity = this.engine.validate(this.ground(), transaction);
    if (!validity.isValid) return { refused: "invalid", ...validity };
    const rival = this.pool.rivalOf(transaction);
    if (rival !== undefined && rival.signed.tip >= transaction.signed.tip) {
      return { refused: "priority-too-low", old: rival.signed.tip, new: transaction.signed.tip };
    }
    if (this.pool.isFull) return { refused: "pool-full" };
    return { hash: transaction.hash, isFuture: this.admit(transaction, validity.diesAt) };
  }

  /** The nonce for the account's next transaction, counting those that wait. */
  nextNonce(account: Hex): number {
    return this.pool.nextNonce(account, nonceOf(this.engine, this.ground(), account));
  }

  /**
   * Makes the next block of what waits and can be taken. It is written to the journal before anybody hears of it.
   * @param now milliseconds since the epoch
   */
  seal(now: number): Block {
    const { block, changes } = this.grow(now);
    this.announce([block], [...changes.keys()]);
    return block;
  }

  /**
   * Retires the newest `depth` blocks and makes one more in their place, as a node does that learns of a longer branch:
   * of the new blocks only the last is ever the best.
   * @param now milliseconds since the epoch, of the first new block; each next is one later
   * @throws CodedError REORGANIZATION_TOO_DEEP (conflict) where one of the blocks is final
   */
  reorganize(depth: number, now: number, fate: TransactionFate): Block {
    const { number } = this.best.header;
    if (depth > number - this.final.header.number) {
      throw new CodedError("REORGANIZATION_TOO_DEEP", "conflict", "a block that is final cannot be retired", { depth });
    }
    const changed = new Set<Hex>();
    const retired: Block[] = [];
    for (let left = depth; left > 0; left -= 1) {
      retired.unshift(this.best);
      for (const key of this.retireBest().keys()) changed.add(key);
    }
    for (const block of retired) for (const hash of hashesIn(block)) this.pool.tell(hash, { retracted: block.hash });
    if (fate === "again") this.readmit(retired);
    const blocks = Array.from({ length: depth + 1 }, (_, i) => {
      const { block, changes } = this.grow(now + i);
      for (const key of changes.keys()) changed.add(key);
      return block;
    });
    this.announce(blocks, [...changed]);
    if (fate === "later") this.readmit(retired);
    return this.best;
  }

  /** Everything up to this block, unless it was retired, is durable: says so, block by block. */
  finalize(block: Block): void {
    if (!this.tree.isOnBestChain(block)) return;
    while (this.final.header.number < block.header.number) {
      const next = this.tree.get(this.tree.hashAt(this.final.header.number + 1)!)!;
      this.final = next;
      this.tree.finalized(next.header.number);
      for (const listener of this.finalizedListeners) listener(next);
      for (const hash of hashesIn(next)) {
        this.pool.tell(hash, { finalized: next.hash });
        this.pool.forget(hash);
      }
    }
  }

  /** @returns whether it has to wait for an earlier one of its account */
  private admit(transaction: PoolTransaction, diesAt: number): boolean {
    this.pool.add({ transaction, diesAt });
    const isFuture = this.nextNonce(transaction.signed.account) <= transaction.signed.nonce;
    if (!isFuture) for (const listener of this.readyListeners) listener();
    return isFuture;
  }

  /** Transactions of retired blocks wait again. */
  private readmit(retired: readonly Block[]): void {
    for (const bytes of retired.flatMap(({ extrinsics }) => extrinsics)) {
      const transaction = this.engine.decode(bytes);
      if (transaction === null) continue;
      const validity = this.engine.validate(this.ground(), transaction);
      const status = validity.isValid && (this.admit(transaction, validity.diesAt) ? "future" : "ready");
      this.pool.tell(transaction.hash, status || "invalid");
    }
  }

  /** Makes a block on top of the best, durably, without telling anybody. */
  private grow(now: number): BuiltBlock {
    const ground = this.ground();
    const { specVersion } = this.engine.version(ground.state);
    const next = this.engine.begin(ground, now);
    this.fill(next);
    const built = next.finish();
    this.journal.append(built);
    this.extend(built.block, built.changes);
    if (this.engine.version(this.store).specVersion !== specVersion) this.judgePoolAnew();
    return built;
  }

  /** Another runtime takes no transactions that were signed for the one before. */
  private judgePoolAnew(): void {
    for (const transaction of this.pool.all()) {
      if (!this.engine.validate(this.ground(), transaction).isValid) this.pool.drop(transaction, "invalid");
    }
  }

  /** Tells of new blocks, of which the last is the best. */
  private announce(blocks: readonly Block[], changed: readonly Hex[]): void {
    for (const block of blocks) for (const listener of this.importListeners) listener(block);
    for (const listener of this.headListeners) listener(this.best, changed);
    for (const block of blocks) for (const hash of hashesIn(block)) this.pool.tell(hash, { inBlock: block.hash });
    this.journal.rotateIfDue(this.best, () => this.store.entries());
  }

  private extend(block: Block, changes: Changes): void {
    this.store.commit(block.header.number, changes);
    this.tree.add(block);
    this.best = block;
  }

  private retireBest(): Changes {
    const parent = this.tree.get(this.best.header.parentHash);
    if (parent === undefined) throw new Error("the blocks do not follow one another");
    const changes = this.store.revert();
    this.tree.retire(this.best, changes);
    this.best = parent;
    return changes;
  }

  private fill(next: BlockInProgress): void {
    const number = this.best.header.number + 1;
    for (const { transaction, diesAt } of [...this.pool.candidates()]) {
      const outcome = diesAt <= number ? "invalid" : next.offer(transaction);
      if (outcome === "invalid") this.pool.drop(transaction, "invalid");
      if (outcome === "taken") this.pool.take(transaction.hash);
    }
  }
}

/** Of everything in the block; what the block's author put in has nobody who watches it. */
const hashesIn = ({ extrinsics }: Block): Hex[] => extrinsics.map((bytes) => toHex(blake2AsU8a(bytes, 256)));

function listen<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
