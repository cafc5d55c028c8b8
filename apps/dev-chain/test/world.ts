import { cryptoWaitReady } from "@polkadot/util-crypto";
import { accountFrom } from "../src/engine/account.js";
import { BlockBuilder } from "../src/engine/block.js";
import { decode, encode, type Hex, textHex } from "../src/engine/codec.js";
import { type Call, type DispatchError, errorName } from "../src/engine/dispatch.js";
import type { Block } from "../src/engine/engine.js";
import { defaultGenesis, type Genesis, genesisBlock } from "../src/engine/genesis.js";
import { accountAt, events } from "../src/pallet/system.js";
import { VersionedStore } from "../src/store/versioned-store.js";

interface EventRecord {
  readonly phase: string | { readonly type: "ApplyExtrinsic"; readonly value: number };
  readonly event: { readonly type: string; readonly value: { readonly type: string; readonly value: unknown } };
}

export interface Outcome {
  /** `Pallet.Error`, or null where the call succeeded. */
  readonly error: string | null;
  /** `Pallet.Event` of the call itself, without those of paying for it. */
  readonly events: readonly string[];
}

const payment = new Set([
  "Balances.Withdraw",
  "TransactionPayment.TransactionFeePaid",
  "System.ExtrinsicSuccess",
  "System.ExtrinsicFailed",
]);

/** `Pallet.call_name` with its arguments. */
export const call = (name: string, value: Record<string, unknown> = {}): Call => {
  const [type, inner] = name.split(".") as [string, string];
  return { type, value: { type: inner, value } };
};

/** The engine without network, pool and signatures: each call is a block of its own. */
export class World {
  readonly store = new VersionedStore({ blocks: 64, bytes: 1 << 26 });
  private head: Block;

  private constructor(genesis: Genesis) {
    const { block, changes } = genesisBlock(genesis, fail);
    this.head = block;
    this.store.load(changes);
  }

  static async create(genesis: Partial<Genesis> = {}): Promise<World> {
    await cryptoWaitReady();
    return new World({ ...defaultGenesis, ...genesis });
  }

  get block(): number {
    return this.head.header.number;
  }

  /** Runs a call signed by an account such as `//Alice`. */
  run(who: string, name: string, args: Record<string, unknown> = {}): Outcome {
    const account = accountFrom(who);
    const made = call(name, args);
    const callBytes = encode("RuntimeCall", made);
    const error = this.makeBlock((builder) =>
      builder.apply({
        bytes: callBytes,
        callBytes,
        hash: zero32,
        // What the codec reads back, so that bounds and forms are the real ones.
        call: decode<Call>("RuntimeCall", callBytes),
        signed: {
          account,
          nonce: accountAt(builder.state, account).nonce,
          era: null,
          tip: 0n,
          extra: new Uint8Array(),
          signature: { type: "Sr25519", value: "0x" },
        },
      }),
    );
    const mine = this.records().filter(({ phase }) => typeof phase === "object" && phase.value === 1);
    const names = mine.map(({ event }) => `${event.type}.${event.value.type}`).filter((event) => !payment.has(event));
    return { error: error === null ? null : errorName(error), events: names };
  }

  /** As root, through sudo: the error is the inner call's. */
  root(name: string, args: Record<string, unknown> = {}): Outcome {
    const outcome = this.run("//Alice", "Sudo.sudo", { call: call(name, args) });
    const sudid = this.records().find(({ event }) => event.type === "Sudo")?.event.value.value as {
      sudoResult: { type: "Ok" } | { type: "Err"; value: DispatchError };
    };
    const inner = sudid.sudoResult;
    return { ...outcome, error: inner.type === "Ok" ? null : errorName(inner.value) };
  }

  /** Makes blocks with nothing in them. */
  pass(count: number): void {
    for (let i = 0; i < count; i += 1) this.makeBlock(() => null);
  }

  /** The value of the newest event of a name. */
  lastEvent<T>(name: string): T {
    const found = this.records().filter(({ event }) => `${event.type}.${event.value.type}` === name);
    return found.at(-1)?.event.value.value as T;
  }

  records(): EventRecord[] {
    return events.get(this.store) as EventRecord[];
  }

  private makeBlock(fill: (builder: BlockBuilder) => DispatchError | null): DispatchError | null {
    const builder = new BlockBuilder({ block: this.head, state: this.store, genesis: zero32 }, this.block + 1, fail);
    const error = fill(builder);
    const { block, changes } = builder.finish();
    this.store.commit(block.header.number, changes);
    this.head = block;
    return error;
  }
}

const zero32: Hex = `0x${"00".repeat(32)}`;
const fail = (error: unknown): void => {
  throw error;
};

/** Twelve miners that can take a column each, and one to spare. */
export const minerNames = Array.from({ length: 13 }, (_, i) => `//Miner${i + 1}`);
export const withMiners: Partial<Genesis> = {
  miners: minerNames.map((account, i) => ({ account, endpoint: `http://127.0.0.1:${20_001 + i}`, idleGib: 16 })),
};

export const digestHex = (letter: string): Hex => textHex(letter.repeat(64));
/** A segment with twelve fragments of different names. */
export const segment = (letter: string, fragments = 12) => ({
  hash: digestHex(letter),
  fragmentList: Array.from({ length: fragments }, (_, i) => textHex(`${letter}${i}`.padEnd(64, "0"))),
});
export const brief = (user: string, territory: string, fileName = "photo.jpg") => ({
  user: accountFrom(user),
  fileName: textHex(fileName),
  territoryName: textHex(territory),
});
