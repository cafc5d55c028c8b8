import { blake2AsU8a } from "@polkadot/util-crypto";
import { accountAt, accounts, finalizeBlock, initializeBlock } from "../pallet/system.js";
import { announceFee, charge, feeOf } from "../pallet/transaction-payment.js";
import { blockLength } from "../shape/system.js";
import { encodeChanges } from "../store/changes.js";
import { Overlay } from "../store/overlay.js";
import type { Changes } from "../store/versioned-store.js";
import { type Hex, toHex } from "./codec.js";
import type { Call, DispatchError, Origin } from "./dispatch.js";
import type { BlockInProgress, BuiltBlock, Ground } from "./engine.js";
import { Execution } from "./execution.js";
import { type Header, headerHash } from "./header.js";
import { decodeTransaction, inherent } from "./transaction.js";
import { checkTransaction, type SignedTransaction } from "./validity.js";

/** Nothing is weighed; the numbers say "small" in the unit clients expect. */
export const callWeight = { refTime: 250_000_000n, proofSize: 3_593n } as const;

/** Makes one block: beginning, inherents, transactions, end. */
export class BlockBuilder implements BlockInProgress<SignedTransaction> {
  readonly state: Overlay;
  private readonly execution: Execution;
  private readonly extrinsics: Uint8Array[] = [];
  private lengthBytes = 0;

  constructor(
    private readonly ground: Ground,
    now: number,
    onBug: (error: unknown) => void,
  ) {
    const { block: parent, state } = ground;
    const number = parent.header.number + 1;
    this.state = new Overlay(state);
    this.execution = new Execution(this.state, number, parent.hash, onBug);
    initializeBlock(this.state, number, parent.hash);
    this.execution.initialize();
    this.applyInherent({ type: "Timestamp", value: { type: "set", value: { now: BigInt(now) } } });
  }

  offer(transaction: SignedTransaction): "taken" | "later" | "invalid" {
    const validity = checkTransaction({ ...this.ground, state: this.state }, transaction, true);
    if (!validity.isValid) return "invalid";
    if (validity.isFuture || this.lengthBytes + transaction.bytes.length > blockLength.normal) return "later";
    this.apply(transaction);
    return "taken";
  }

  /** The transaction was found valid on this very state. It pays whether its call succeeds or not. */
  apply(transaction: SignedTransaction): DispatchError | null {
    const { signed, bytes, call } = transaction;
    this.begin(bytes);
    const origin: Origin = { type: "signed", account: signed.account };
    const context = this.execution.context(origin);
    const fee = feeOf(bytes.length);
    if (!charge(context, signed.account, fee, signed.tip)) throw new Error("a valid transaction could not pay");
    const account = accountAt(this.state, signed.account);
    accounts.put(this.state, signed.account, { ...account, nonce: account.nonce + 1 });
    const error = this.execution.dispatch(call, origin);
    announceFee(context, signed.account, fee, signed.tip);
    this.conclude(error, "Normal");
    return error;
  }

  finish(): BuiltBlock {
    this.execution.phase = "Finalization";
    finalizeBlock(this.state, this.execution.records, this.lengthBytes, this.extrinsics.length);
    const changes = this.state.changes();
    const { hash: parentHash, header: before } = this.ground.block;
    const header: Header = {
      parentHash,
      number: before.number + 1,
      stateRoot: nextStateRoot(before.stateRoot, changes),
      extrinsicsRoot: toHex(blake2AsU8a(Buffer.concat(this.extrinsics), 256)),
      logs: [],
    };
    return { block: { hash: headerHash(header), header, extrinsics: this.extrinsics }, changes };
  }

  private applyInherent(call: Call): void {
    const bytes = inherent(call);
    this.begin(bytes);
    const error = this.execution.dispatch(decodeTransaction(bytes).call, { type: "none" });
    if (error !== null) throw new Error("an inherent failed");
    this.conclude(null, "Mandatory");
  }

  private begin(bytes: Uint8Array): void {
    this.execution.phase = { type: "ApplyExtrinsic", value: this.extrinsics.length };
    this.extrinsics.push(bytes);
    this.lengthBytes += bytes.length;
  }

  private conclude(error: DispatchError | null, dispatchClass: "Normal" | "Mandatory"): void {
    const dispatchInfo = { weight: callWeight, class: dispatchClass, paysFee: "Yes" };
    const { emit } = this.execution.context({ type: "none" });
    if (error === null) emit("System", "ExtrinsicSuccess", { dispatchInfo });
    else emit("System", "ExtrinsicFailed", { dispatchError: error, dispatchInfo });
  }
}

/** Commits to the whole history of changes rather than to a trie: enough for two chains never to share a root. */
export const nextStateRoot = (before: Hex, changes: Changes): Hex =>
  toHex(blake2AsU8a(Buffer.concat([Buffer.from(before.slice(2), "hex"), encodeChanges(changes)]), 256));
