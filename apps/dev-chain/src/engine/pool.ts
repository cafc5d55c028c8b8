import type { Hex } from "./codec.js";
import type { PoolTransaction } from "./engine.js";

/** What a watcher is told, in the words of `author_extrinsicUpdate`. */
export type TransactionStatus =
  | "ready"
  | "future"
  | "invalid"
  | "dropped"
  | { readonly inBlock: Hex }
  | { readonly retracted: Hex }
  | { readonly finalized: Hex }
  | { readonly usurped: Hex };
export type Watcher = (status: TransactionStatus) => void;

export interface Pooled {
  readonly transaction: PoolTransaction;
  /** First block that it cannot be in any more. */
  readonly diesAt: number;
}

const poolSizeMax = 8192;

/** Transactions that wait, by account and nonce, and who watches them. */
export class Pool {
  private readonly byAccount = new Map<Hex, Map<number, Pooled>>();
  private readonly byHash = new Map<Hex, Pooled>();
  private readonly watchers = new Map<Hex, Set<Watcher>>();
  private sizeMax = poolSizeMax;

  /** Room for so many transactions from now on; null: as ever. Those that wait already stay. */
  limit(sizeMax: number | null): void {
    this.sizeMax = sizeMax ?? poolSizeMax;
  }

  has(hash: Hex): boolean {
    return this.byHash.has(hash);
  }

  get isFull(): boolean {
    return this.byHash.size >= this.sizeMax;
  }

  find(hash: Hex): PoolTransaction | undefined {
    return this.byHash.get(hash)?.transaction;
  }

  all(): PoolTransaction[] {
    return [...this.byHash.values()].map(({ transaction }) => transaction);
  }

  rivalOf({ signed }: PoolTransaction): PoolTransaction | undefined {
    return this.byAccount.get(signed.account)?.get(signed.nonce)?.transaction;
  }

  add(pooled: Pooled): void {
    const { transaction } = pooled;
    const rival = this.rivalOf(transaction);
    if (rival !== undefined) this.drop(rival, { usurped: transaction.hash });
    const { account, nonce } = transaction.signed;
    const waiting = this.byAccount.get(account) ?? new Map<number, Pooled>();
    waiting.set(nonce, pooled);
    this.byAccount.set(account, waiting);
    this.byHash.set(transaction.hash, pooled);
  }

  /** The nonce after the ones that wait without a gap. */
  nextNonce(account: Hex, onChain: number): number {
    const waiting = this.byAccount.get(account);
    let nonce = onChain;
    while (waiting?.has(nonce)) nonce += 1;
    return nonce;
  }

  /**
   * Transactions in an order in which a block can take them: each account's by nonce, accounts by the tip of their
   * next one, then by age.
   */
  *candidates(): IterableIterator<Pooled> {
    const queues = [...this.byAccount.values()].map((waiting) =>
      [...waiting.values()].sort((a, b) => a.transaction.signed.nonce - b.transaction.signed.nonce),
    );
    const tipOf = (queue: readonly Pooled[]): bigint => queue[0]?.transaction.signed.tip ?? 0n;
    queues.sort((a, b) => (tipOf(a) === tipOf(b) ? 0 : tipOf(a) > tipOf(b) ? -1 : 1));
    for (const queue of queues) yield* queue;
  }

  /** Taken by a block: watchers stay for what follows. */
  take(hash: Hex): void {
    const pooled = this.byHash.get(hash);
    if (pooled === undefined) return;
    const { account, nonce } = pooled.transaction.signed;
    const waiting = this.byAccount.get(account);
    waiting?.delete(nonce);
    if (waiting?.size === 0) this.byAccount.delete(account);
    this.byHash.delete(hash);
  }

  drop(transaction: PoolTransaction, status: TransactionStatus): void {
    this.take(transaction.hash);
    this.tell(transaction.hash, status);
    this.watchers.delete(transaction.hash);
  }

  watch(hash: Hex, watcher: Watcher): () => void {
    const set = this.watchers.get(hash) ?? new Set();
    set.add(watcher);
    this.watchers.set(hash, set);
    return () => {
      set.delete(watcher);
      if (set.size === 0 && this.watchers.get(hash) === set) this.watchers.delete(hash);
    };
  }

  tell(hash: Hex, status: TransactionStatus): void {
    for (const watcher of this.watchers.get(hash) ?? []) watcher(status);
  }

  /** Nothing more will be said about it. */
  forget(hash: Hex): void {
    this.watchers.delete(hash);
  }
}
