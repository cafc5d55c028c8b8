import { decode, fromHex, type Hex } from "../engine/codec.js";
import type { BlockInProgress, BuiltBlock, Ground, PoolTransaction } from "../engine/engine.js";
import { decodeHeader, encodeHeader, headerHash } from "../engine/header.js";
import { sized } from "./host/index.js";
import type { Runtime } from "./runtime.js";
import { claim, inherentData } from "./slot.js";
import type { RuntimeState } from "./state.js";
import { readOutcome } from "./validity.js";

export interface Work {
  readonly ground: Ground;
  readonly slot: bigint;
  readonly slotMs: bigint;
  readonly runtime: Runtime;
  /** That of the ground, to be written on. */
  readonly state: RuntimeState;
  /** Told of an extrinsic that the runtime gave up on. */
  readonly onTrap: (error: unknown) => void;
  readonly onBuilt: (hash: Hex) => void;
}

const zero: Hex = `0x${"00".repeat(32)}`;

/** Makes one block by the runtime's own functions, as a node's block author does. */
export class RuntimeBlock implements BlockInProgress {
  private readonly extrinsics: Uint8Array[] = [];
  private readonly inherentCount: number;

  constructor(private readonly work: Work) {
    const { ground, slot, slotMs } = work;
    const { block } = ground;
    const header = {
      parentHash: block.hash,
      number: block.header.number + 1,
      stateRoot: zero,
      extrinsicsRoot: zero,
      logs: [claim(slot)],
    };
    this.run("Core_initialize_block", encodeHeader(header));
    const inherents = decode<Hex[]>(
      "Vec<Vec<u8>>",
      this.run("BlockBuilder_inherent_extrinsics", inherentData(slot, slotMs)),
    );
    for (const inherent of inherents) this.include(sized(fromHex(inherent)));
    this.inherentCount = this.extrinsics.length;
  }

  offer({ bytes }: PoolTransaction): "taken" | "later" | "invalid" {
    let refusal: ReturnType<typeof readOutcome>;
    try {
      refusal = this.apply(bytes);
    } catch (error) {
      this.work.onTrap(error);
      return "invalid";
    }
    if (refusal === undefined) return "taken";
    if (refusal.reason === "Future") return "later";
    // That a block is full is no reason where nothing is in it yet.
    const isFull = refusal.reason === "ExhaustsResources" && this.extrinsics.length > this.inherentCount;
    return isFull ? "later" : "invalid";
  }

  finish(): BuiltBlock {
    const header = decodeHeader(this.run("BlockBuilder_finalize_block", new Uint8Array()));
    const hash = headerHash(header);
    this.work.onBuilt(hash);
    return { block: { hash, header, extrinsics: this.extrinsics }, changes: this.work.state.changes() };
  }

  private include(inherent: Uint8Array): void {
    const refusal = this.apply(inherent);
    if (refusal !== undefined) throw new Error(`the runtime refuses an inherent of its own: ${refusal.reason}`);
  }

  /** All of it is written, or nothing. */
  private apply(bytes: Uint8Array): ReturnType<typeof readOutcome> {
    const { state } = this.work;
    state.begin();
    let refusal: ReturnType<typeof readOutcome>;
    try {
      refusal = readOutcome(this.run("BlockBuilder_apply_extrinsic", bytes));
    } catch (error) {
      state.rollback();
      throw error;
    }
    if (refusal === undefined) {
      state.commit();
      this.extrinsics.push(bytes);
    } else state.rollback();
    return refusal;
  }

  private run(name: string, args: Uint8Array): Uint8Array {
    return this.work.runtime.call(name, args, this.work.state);
  }
}
