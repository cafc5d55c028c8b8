import type { Hex } from "../engine/codec.js";
import { ensure } from "../engine/dispatch.js";

/**
 * A development chain has no trusted hardware. Where the real one checks the signature of a TEE worker, this one
 * accepts the worker key of 32 zero bytes and looks at no signature; any other worker is unknown and refused.
 */
export const devTeeKey: Hex = `0x${"00".repeat(32)}`;

export function ensureAttested(teeKey: Hex, pallet: "FileBank" | "Sminer"): void {
  ensure(teeKey === devTeeKey, pallet, "VerifyTeeSigFailed");
}
