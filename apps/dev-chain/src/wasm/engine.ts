import { blake2AsHex } from "@polkadot/util-crypto";
import { decode, fromHex, type Hex, toHex } from "../engine/codec.js";
import type {
  BuiltBlock,
  ChainIdentity,
  Engine,
  Ground,
  PoolTransaction,
  RuntimeVersion,
  Validity,
} from "../engine/engine.js";
import { headerHash } from "../engine/header.js";
import { Reader } from "../engine/scale.js";
import { openExtrinsic } from "../engine/transaction.js";
import type { StateReader } from "../store/versioned-store.js";
import { codeOf } from "./blob.js";
import { RuntimeBlock } from "./block.js";
import type { Log } from "./host/index.js";
import { emptyState, Runtime } from "./runtime.js";
import { slotOf } from "./slot.js";
import { type ChainSpec, codeKey } from "./spec.js";
import { RuntimeState, trieOf } from "./state.js";
import { orderedRoot, type Trie } from "./trie.js";
import { readValidity, sourceExternal } from "./validity.js";

/** The host around the runtime. */
export interface HostReports {
  readonly log: Log;
  /** Told of a transaction that the runtime gave up on. */
  readonly onTrap: (error: unknown) => void;
}

/** A runtime, and what it says of itself for as long as it is the same. */
interface Known {
  readonly runtime: Runtime;
  readonly version: RuntimeVersion;
  slotMs?: bigint;
}

const noBytes = new Uint8Array();
const zero: Hex = `0x${"00".repeat(32)}`;
/** Past states whose tries are kept; another's is made anew from all of its entries. */
const triesKept = 32;

/** The rules are the runtime's that a chain specification brings: its own code judges, executes and answers. */
export class WasmEngine implements Engine {
  readonly identity: ChainIdentity;
  /** By the code's bytes, which a state hands out as the same object until they change. */
  private readonly runtimes = new WeakMap<Uint8Array, Known>();
  private readonly tries = new Map<Hex, Trie>();

  constructor(
    private readonly spec: ChainSpec,
    private readonly reports: HostReports,
  ) {
    const { name: chain, chainType, properties } = spec;
    this.identity = { chain, chainType, properties };
  }

  genesis(): BuiltBlock {
    const state = emptyState();
    for (const [key, value] of this.spec.top) state.put(fromHex(key), value);
    for (const [name, entries] of this.spec.children) {
      for (const [key, value] of entries) state.child(fromHex(name)).put(fromHex(key), value);
    }
    const { systemVersion } = this.known(this.spec.top.get(codeKey)!).version;
    const header = {
      parentHash: zero,
      number: 0,
      stateRoot: toHex(state.root(systemVersion)),
      extrinsicsRoot: toHex(orderedRoot([], systemVersion)),
      logs: [],
    };
    return { block: { hash: headerHash(header), header, extrinsics: [] }, changes: state.changes() };
  }

  /** The call is the runtime's to read. */
  decode(bytes: Uint8Array): PoolTransaction | null {
    const { signed } = openExtrinsic(bytes);
    return signed && { bytes, hash: blake2AsHex(bytes, 256) as Hex, signed };
  }

  validate(ground: Ground, { bytes }: PoolTransaction): Validity {
    const args = Buffer.concat([Uint8Array.of(sourceExternal), bytes, fromHex(ground.block.hash)]);
    const answer = this.call(ground, "TaggedTransactionQueue_validate_transaction", args);
    return readValidity(answer, ground.block.header.number + 1);
  }

  begin(ground: Ground, now: number): RuntimeBlock {
    const { runtime, version } = this.known(codeIn(ground.state));
    const state = this.stateOf(ground);
    return new RuntimeBlock({
      ...this.slotAfter(ground, now),
      ground,
      runtime,
      state,
      onTrap: this.reports.onTrap,
      onBuilt: (hash) => this.remember(hash, state.trie(version.systemVersion)),
    });
  }

  call(ground: Ground, name: string, args: Uint8Array): Uint8Array {
    return this.known(codeIn(ground.state)).runtime.call(name, args, this.stateOf(ground));
  }

  version(state: StateReader): RuntimeVersion {
    return this.known(codeIn(state)).version;
  }

  /**
   * Each block claims the slot after its parent's, however much time passed: a runtime takes one block for a slot, and
   * chain time that leaps over epochs would cost its validators dearly.
   */
  private slotAfter(ground: Ground, now: number): { slot: bigint; slotMs: bigint } {
    const known = this.known(codeIn(ground.state));
    known.slotMs ??= new Reader(this.call(ground, "RRSCApi_configuration", noBytes)).u64();
    const { slotMs } = known;
    const before = slotOf(ground.block.header.logs);
    return { slot: before === undefined ? BigInt(now) / slotMs : before + 1n, slotMs };
  }

  private known(blob: Uint8Array): Known {
    let known = this.runtimes.get(blob);
    if (known === undefined) {
      const runtime = Runtime.compile(codeOf(blob), this.reports.log);
      const version = decode<RuntimeVersion>("RuntimeVersion", runtime.call("Core_version", noBytes, emptyState()));
      known = { runtime, version };
      this.runtimes.set(blob, known);
    }
    return known;
  }

  private stateOf(ground: Ground): RuntimeState {
    return new RuntimeState(ground.state, () => {
      const known = this.tries.get(ground.block.hash);
      if (known !== undefined) return known;
      const trie = trieOf(ground.state);
      this.remember(ground.block.hash, trie);
      return trie;
    });
  }

  private remember(hash: Hex, trie: Trie): void {
    this.tries.set(hash, trie);
    for (const oldest of this.tries.keys()) {
      if (this.tries.size <= triesKept) break;
      this.tries.delete(oldest);
    }
  }
}

function codeIn(state: StateReader): Uint8Array {
  const code = state.get(codeKey);
  if (code === undefined) throw new Error("the state has no runtime");
  return code;
}
