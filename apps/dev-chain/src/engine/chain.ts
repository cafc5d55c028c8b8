import { blake2AsU8a } from "@polkadot/util-crypto";
import type { Journal } from "../store/journal.js";
import { VersionedStore } from "../store/versioned-store.js";
import type { Block, BuiltBlock } from "./block.js";
import { type Hex, toHex } from "./codec.js";
import {
  type BlockInProgress,
  type Engine,
  type Ground,
  type InvalidReason,
  nonceOf,
  type PoolTransaction,
} from "./engine.js";
import { Pool, type Pooled } from "./pool.js";

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

/** One line of blocks, never a fork: what is sealed stays; what is finalized is durable. */
export class Chain {
  readonly pool = new Pool();
  readonly store: VersionedStore;
  private readonly blocks = new Map<Hex, Block>();
  private readonly hashes = new Map<number, Hex>();
  private readonly headListeners = new Set<(block: Block, changed: readonly Hex[]) => void>();
  private readonly finalizedListeners = new Set<(block: Block) => void>();
  private readonly readyListeners = new Set<() => void>();
  private best: Block;
  private final: Block;

  constructor(
    readonly engine: Engine,
    readonly genesisHash: Hex,
    /** The state and block to go on from: genesis, or a snapshot of a later block. */
    origin: BuiltBlock,
    private readonly limits: ChainLimits,
    private readonly journal: Journal,
  ) {
    const { number } = origin.block.header;
    this.store = new VersionedStore({ blocks: limits.historyBlocks, bytes: limits.historyBytes }, number);
    this.store.load(origin.changes);
    this.best = origin.block;
    this.final = origin.block;
    this.hashes.set(0, genesisHash);
    this.remember(origin.block);
  }

  get head(): Block {
    return this.best;
  }

  get finalized(): Block {
    return this.final;
  }

  blockOf(hash: Hex): Block | undefined {
    return this.blocks.get(hash);
  }

  hashAt(number: number): Hex | undefined {
    return this.hashes.get(number);
  }

  onHead(listener: (block: Block, changed: readonly Hex[]) => void): () => void {
    this.headListeners.add(listener);
    return () => this.headListeners.delete(listener);
  }

  onFinalized(listener: (block: Block) => void): () => void {
    this.finalizedListeners.add(listener);
    return () => this.finalizedListeners.delete(listener);
  }

  /** Called when a transaction came that the next block can take. */
  onReady(listener: () => void): () => void {
    this.readyListeners.add(listener);
    return () => this.readyListeners.delete(listener);
  }

  /** A block that the journal already has: at start only. */
  replay({ block, changes }: BuiltBlock): void {
    if (block.header.parentHash !== this.best.hash) throw new Error("the journal's blocks do not follow one another");
    this.store.commit(block.header.number, changes);
    this.remember(block);
    this.best = block;
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
    this.pool.add({ transaction, diesAt: validity.diesAt });
    const isFuture = this.nextNonce(transaction.signed.account) <= transaction.signed.nonce;
    if (!isFuture) for (const listener of this.readyListeners) listener();
    return { hash: transaction.hash, isFuture };
  }

  /** The nonce for the account's next transaction, counting those that wait. */
  nextNonce(account: Hex): number {
    return this.pool.nextNonce(account, nonceOf(this.engine, this.ground(), account));
  }

  /** The newest block with its state. */
  ground(): Ground {
    return { block: this.best, state: this.store, genesis: this.genesisHash };
  }

  /** @returns undefined where the block's state is not known any more */
  groundAt(block: Block): Ground | undefined {
    const state = this.store.at(block.header.number);
    return state && { block, state, genesis: this.genesisHash };
  }

  /**
   * Makes the next block of what waits and can be taken. It is written to the journal before anybody hears of it.
   * @param now milliseconds since the epoch
   */
  seal(now: number): Block {
    const ground = this.ground();
    const next = this.engine.begin(ground, now);
    const taken = this.fill(next, ground.block.header.number + 1);
    const built = next.finish();
    this.journal.append(built);
    const { block, changes } = built;
    this.store.commit(block.header.number, changes);
    this.remember(block);
    this.best = block;
    const keys = [...changes.keys()];
    for (const listener of this.headListeners) listener(block, keys);
    for (const { transaction } of taken) this.pool.tell(transaction.hash, { inBlock: block.hash });
    this.journal.rotateIfDue(block, () => this.store.entries());
    return block;
  }

  /** Everything up to this block is durable: says so, block by block. */
  finalize(number: number): void {
    while (this.final.header.number < number) {
      const next = this.blocks.get(this.hashes.get(this.final.header.number + 1)!)!;
      this.final = next;
      for (const listener of this.finalizedListeners) listener(next);
      for (const bytes of next.extrinsics.slice(1)) {
        const hash = toHex(blake2AsU8a(bytes, 256));
        this.pool.tell(hash, { finalized: next.hash });
        this.pool.forget(hash);
      }
    }
  }

  private fill(next: BlockInProgress, number: number): Pooled[] {
    const taken: Pooled[] = [];
    for (const pooled of [...this.pool.candidates()]) {
      const { transaction, diesAt } = pooled;
      const outcome = diesAt <= number ? "invalid" : next.offer(transaction);
      if (outcome === "invalid") this.pool.drop(transaction, "invalid");
      if (outcome !== "taken") continue;
      this.pool.take(transaction.hash);
      taken.push(pooled);
    }
    return taken;
  }

  /** Keeps what the history limit allows; the genesis hash is kept for ever. */
  private remember(block: Block): void {
    const { number } = block.header;
    this.blocks.set(block.hash, block);
    this.hashes.set(number, block.hash);
    const outdated = number - this.limits.historyBlocks - 1;
    const hash = this.hashes.get(outdated);
    if (hash === undefined) return;
    this.blocks.delete(hash);
    if (outdated > 0) this.hashes.delete(outdated);
  }
}
