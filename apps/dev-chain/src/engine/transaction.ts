import {
  blake2AsHex,
  blake2AsU8a,
  ed25519Verify,
  secp256k1Compress,
  secp256k1Recover,
  sr25519Verify,
} from "@polkadot/util-crypto";
import { codec, encode, fromHex, type Hex, toHex } from "./codec.js";
import type { Call, MultiAddress } from "./dispatch.js";
import { Reader, ScaleError, Writer } from "./scale.js";

export interface Era {
  /** Blocks that the transaction lives. */
  readonly period: number;
  readonly phase: number;
}

export interface Signed {
  readonly account: Hex;
  readonly signature: { readonly type: "Ed25519" | "Sr25519" | "Ecdsa"; readonly value: Hex };
  readonly era: Era | null;
  readonly nonce: number;
  readonly tip: bigint;
  /** Era, nonce and tip as they were sent: part of what is signed. */
  readonly extra: Uint8Array;
}

export interface Transaction {
  /** As clients send it and blocks list it, length prefix included. */
  readonly bytes: Uint8Array;
  readonly hash: Hex;
  readonly call: Call;
  readonly callBytes: Uint8Array;
  /** Absent on inherents. */
  readonly signed: Signed | null;
}

const signedV4 = 0x84;
const bareV4 = 0x04;

/**
 * An extrinsic up to its call.
 * @throws ScaleError on anything but one extrinsic with its length before it
 */
export function openExtrinsic(bytes: Uint8Array): { readonly signed: Signed | null; readonly callBytes: Uint8Array } {
  const outer = new Reader(bytes);
  const length = outer.compact();
  if (length !== BigInt(outer.left)) throw new ScaleError("extrinsic length does not match");
  const body = outer.take(outer.left);
  const reader = new Reader(body);
  const version = reader.u8();
  if (version !== signedV4 && version !== bareV4) throw new ScaleError(`extrinsic version ${version} is not known`);
  const signed = version === signedV4 ? decodeSigned(body, reader) : null;
  return { signed, callBytes: body.subarray(reader.offset) };
}

/** @throws ScaleError on anything but one whole extrinsic */
export function decodeTransaction(bytes: Uint8Array): Transaction {
  const { signed, callBytes } = openExtrinsic(bytes);
  const reader = new Reader(callBytes);
  const call = codec<Call>("RuntimeCall").decode(reader);
  if (reader.left > 0) throw new ScaleError(`${reader.left} bytes left over`);
  return { bytes, hash: toHex(blake2AsU8a(bytes, 256)), call, callBytes, signed };
}

function decodeSigned(body: Uint8Array, reader: Reader): Signed {
  const address = codec<MultiAddress>("MultiAddress").decode(reader);
  if (address.type !== "Id") throw new ScaleError("the signer is not an account id");
  const signature = codec<Signed["signature"]>("MultiSignature").decode(reader);
  const from = reader.offset;
  const era = decodeEra(reader);
  const nonce = codec<number>("Compact<u32>").decode(reader);
  const tip = reader.compact();
  const extra = body.subarray(from, reader.offset);
  return { account: address.value as Hex, signature, era, nonce, tip, extra };
}

function decodeEra(reader: Reader): Era | null {
  const first = reader.u8();
  if (first === 0) return null;
  const encoded = first | (reader.u8() << 8);
  const period = 2 << (encoded % 16);
  const phase = (encoded >> 4) * Math.max(period >> 12, 1);
  if (period < 4 || phase >= period) throw new ScaleError("not an era");
  return { period, phase };
}

/** The newest block at or before `current` at which an era of this form begins. */
export const eraBirth = ({ period, phase }: Era, current: number): number =>
  Math.floor((Math.max(current, phase) - phase) / period) * period + phase;

/** What binds a signature to a chain, its runtime and a time. */
export interface Implied {
  readonly version: { readonly specVersion: number; readonly transactionVersion: number };
  readonly genesis: Hex;
  /** Of the block at which the era begins. */
  readonly birth: Hex;
}

/** What the signer signed: the call, the extra fields, and what is implied. */
function signedPayload(
  { callBytes, signed }: Transaction & { signed: Signed },
  { version, genesis, birth }: Implied,
): Uint8Array {
  const { specVersion, transactionVersion } = version;
  const implied = encode("(u32, u32, H256, H256)", [specVersion, transactionVersion, genesis, birth]);
  const payload = Buffer.concat([callBytes, signed.extra, implied]);
  return payload.length > 256 ? blake2AsU8a(payload, 256) : payload;
}

export function isSignatureValid(transaction: Transaction & { signed: Signed }, implied: Implied): boolean {
  const payload = signedPayload(transaction, implied);
  const { account, signature } = transaction.signed;
  const bytes = fromHex(signature.value);
  try {
    switch (signature.type) {
      case "Sr25519":
        return sr25519Verify(payload, bytes, fromHex(account));
      case "Ed25519":
        return ed25519Verify(payload, bytes, fromHex(account));
      case "Ecdsa": {
        const key = secp256k1Recover(blake2AsU8a(payload, 256), bytes.subarray(0, 64), bytes[64]!);
        return blake2AsHex(secp256k1Compress(key), 256) === account;
      }
    }
  } catch {
    return false;
  }
}

/** An extrinsic without a signer, as block authors make them. */
export function inherent(call: Call): Uint8Array {
  const body = Buffer.concat([Buffer.from([bareV4]), encode("RuntimeCall", call)]);
  const writer = new Writer();
  writer.compact(BigInt(body.length));
  writer.put(body);
  return writer.finish();
}
