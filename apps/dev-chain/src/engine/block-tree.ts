import { Overlay } from "../store/overlay.js";
import type { Changes, StateReader, VersionedStore } from "../store/versioned-store.js";
import type { Hex } from "./codec.js";
import type { Block } from "./engine.js";

interface Retired {
  readonly block: Block;
  readonly changes: Changes;
}

/** The blocks that can be asked for: those of the best chain by height and hash, those that lost to it by hash. */
export class BlockTree {
  private readonly blocks = new Map<Hex, Block>();
  private readonly hashes = new Map<number, Hex>();
  private readonly retired = new Map<Hex, Retired>();

  constructor(
    genesisHash: Hex,
    origin: Block,
    private readonly store: VersionedStore,
    private readonly historyBlocks: number,
  ) {
    this.hashes.set(0, genesisHash);
    this.add(origin);
  }

  /** Of whatever branch. */
  get(hash: Hex): Block | undefined {
    return this.blocks.get(hash) ?? this.retired.get(hash)?.block;
  }

  hashAt(number: number): Hex | undefined {
    return this.hashes.get(number);
  }

  isOnBestChain({ hash, header }: Block): boolean {
    return this.hashes.get(header.number) === hash;
  }

  /** @returns undefined where the state is not known any more */
  stateAfter(block: Block): StateReader | undefined {
    const branch: Changes[] = [];
    let number = block.header.number;
    for (let at = this.retired.get(block.hash); at !== undefined; at = this.retired.get(at.block.header.parentHash)) {
      branch.unshift(at.changes);
      number -= 1;
    }
    const trunk = this.store.at(number);
    if (trunk === undefined || branch.length === 0) return trunk;
    const state = new Overlay(trunk);
    for (const changes of branch) state.apply(changes);
    return state;
  }

  /** Puts a block on the best chain. Keeps what the history limit allows; the genesis hash is kept for ever. */
  add(block: Block): void {
    const { number } = block.header;
    this.blocks.set(block.hash, block);
    this.hashes.set(number, block.hash);
    const outdated = number - this.historyBlocks - 1;
    const hash = this.hashes.get(outdated);
    if (hash === undefined) return;
    this.blocks.delete(hash);
    if (outdated > 0) this.hashes.delete(outdated);
  }

  /** Takes the newest block off the best chain. It and its state can be asked for until its height is final. */
  retire(block: Block, changes: Changes): void {
    this.blocks.delete(block.hash);
    this.hashes.delete(block.header.number);
    this.retired.set(block.hash, { block, changes });
  }

  /** Forgets what lost for good: blocks beside a final one, and what was built on them. */
  finalized(number: number): void {
    const oldestFirst = [...this.retired.values()].sort((a, b) => a.block.header.number - b.block.header.number);
    for (const { block } of oldestFirst) {
      const { parentHash } = block.header;
      const isAdrift = !this.retired.has(parentHash) && !this.blocks.has(parentHash);
      if (isAdrift || block.header.number <= number) this.retired.delete(block.hash);
    }
  }
}
