import { createHash } from "node:crypto";
import type { ChainCall, ChainCalls, Signer } from "@granary/chain-client";

/** What trusted hardware says of a miner's space, its bytes in hexadecimal. */
export interface SpaceProof {
  readonly front: number;
  readonly rear: number;
  readonly poisKey: { readonly g: string; readonly n: string };
  readonly accumulator: string;
}

/** Speaks for the trusted hardware that a chain asks about space. */
export interface Attestor {
  /** Public key of the worker, in hexadecimal. */
  readonly teeKey: string;
  /** The worker's signature of what a miner proved, in hexadecimal. */
  vouch(miner: Signer, proof: SpaceProof): string;
  /** What root says to the chain so that it knows the worker; null where nobody asks. */
  introduce(calls: Pick<ChainCalls, "raw" | "sudo">): ChainCall | null;
}

/** A development chain of our own takes the word of this key without looking at it; no other chain does. */
export const unchecked: Attestor = {
  teeKey: `0x${"00".repeat(32)}`,
  vouch: () => `0x${"00".repeat(64)}`,
  introduce: () => null,
};

/**
 * Whoever holds the master key of the TEE workers, as on a chain whose genesis gave it away for development. The same
 * key is the worker, so that whoever has it needs no hardware.
 */
export function masterOf(master: Signer): Attestor {
  const teeKey = hexOf(master.publicKey);
  return {
    teeKey,
    vouch: (miner, proof) => hexOf(master.sign(statement(miner.publicKey, proof, master.publicKey))),
    introduce: (calls) =>
      calls.sudo(calls.raw("TeeWorker", "force_register_worker", [teeKey, teeKey, hexOf(master.publicKey)])),
  };
}

/** Digest of `SpaceProofInfo` in SCALE with the worker's key behind it: what runtimes verify. */
function statement(miner: Uint8Array, { front, rear, poisKey, accumulator }: SpaceProof, worker: Uint8Array): Buffer {
  const counts = Buffer.alloc(16);
  counts.writeBigUInt64LE(BigInt(front), 0);
  counts.writeBigUInt64LE(BigInt(rear), 8);
  const hash = createHash("sha256").update(miner).update(counts);
  for (const bytes of [poisKey.g, poisKey.n, accumulator]) hash.update(Buffer.from(bytes.slice(2), "hex"));
  return hash.update(worker).digest();
}

const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString("hex")}`;
