import { sha256AsU8a } from "@polkadot/util-crypto";
import { type Hex, hexLength } from "../engine/codec.js";
import { type Context, ensure } from "../engine/dispatch.js";
import { stored, storedMap, storedMaybeMap } from "../engine/storage.js";
import { sr25519Matches } from "./sr25519-signature.js";

/** TEE workers, and the master key that they sign with for all of them. */
export interface Worker {
  readonly pubkey: Hex;
  readonly ecdhPubkey: Hex;
  readonly version: number;
  readonly lastUpdated: bigint;
  readonly stashAccount: Hex | null;
  readonly attestationProvider: "Root" | "Ias" | "Dcap" | null;
  readonly confidenceLevel: number;
  readonly features: readonly number[];
  readonly role: "Full" | "Verifier" | "Marker";
  readonly endpoint: string;
}

export interface MasterKey {
  readonly pubkey: Hex;
  readonly holder: Hex;
  readonly launchedAt: readonly [block: number, seconds: bigint];
}
export type LaunchStatus =
  | "NotLaunched"
  | { readonly type: "Launching"; readonly value: Hex }
  | { readonly type: "Launched"; readonly value: MasterKey };

export const workers = storedMaybeMap<[Hex], Worker>("TeeWorker", "Workers");
export const masterKeyStatus = stored<LaunchStatus>("TeeWorker", "MasterKeyStatus");
/** Workers that audits may choose to verify proofs. */
export const verifiers = stored<Hex[]>("TeeWorker", "ValidationTypeList");
export const lastWork = storedMap<[Hex], number>("TeeWorker", "LastWork");

/**
 * The worker of 32 zero bytes is there from the first block. A development chain has no trusted hardware, so until a
 * master key is launched this worker's word is taken and no signature is looked at.
 */
export const devTeeKey: Hex = `0x${"00".repeat(32)}`;

type Duty = "certify" | "tag" | "verify";
type Judge = "FileBank" | "Audit";

const mayDo = (worker: Worker, duty: Duty): boolean =>
  worker.role === "Full" || worker.role === (duty === "verify" ? "Verifier" : "Marker");

export function ensureOnDuty(context: Context, pallet: Judge, key: Hex, duty: Duty): void {
  const worker = workers.find(context.state, key);
  ensure(worker !== undefined && mayDo(worker, duty), pallet, "TeeNoPermission");
}

/**
 * The signature is the master key's, over the SHA-256 of what is attested.
 * @param by who attests: asked for only where no key is launched
 */
export function ensureAttested(
  context: Context,
  pallet: Judge | "Sminer",
  by: readonly Hex[],
  attested: Uint8Array,
  signature: Hex,
): void {
  const status = masterKeyStatus.get(context.state);
  if (typeof status === "string" || status.type !== "Launched") {
    const isDev = by.every((key) => key === devTeeKey);
    ensure(isDev, pallet, "VerifyTeeSigFailed");
    return;
  }
  ensure(hexLength(signature) === 64, pallet, "MalformedSignature");
  ensure(sr25519Matches(sha256AsU8a(attested), signature, status.value.pubkey), pallet, "VerifyTeeSigFailed");
}

export function noteWork(context: Context, key: Hex): void {
  lastWork.put(context.state, key, context.block);
}
