import { accountAt } from "../pallet/system.js";
import { baseFeeOf, feeOf } from "../pallet/transaction-payment.js";
import { readBytes } from "../store/changes.js";
import { callWeight } from "./block.js";
import { codec, encode, type Hex } from "./codec.js";
import { ExecutionFailed, type Ground, type InvalidReason, invalidIndex } from "./engine.js";
import { runtimeIn } from "./runtime.js";
import { Reader, Writer } from "./scale.js";
import { decodeTransaction, type Transaction } from "./transaction.js";
import { checkTransaction, type SignedTransaction } from "./validity.js";

const metadataVersion = 14;

/** The runtime's own functions, arguments and results in SCALE, as `state_call` reaches them. */
export function callRuntimeApi(ground: Ground, name: string, args: Uint8Array): Uint8Array {
  const reader = new Reader(args);
  const { version, metadata } = runtimeIn(ground.state);
  switch (name) {
    case "Core_version":
      return encode("RuntimeVersion", version);
    case "Metadata_metadata":
      return opaque(metadata);
    case "Metadata_metadata_versions":
      return encode("Vec<u32>", [metadataVersion]);
    case "Metadata_metadata_at_version":
      return reader.u32() === metadataVersion
        ? Buffer.concat([Buffer.from([1]), opaque(metadata)])
        : new Uint8Array([0]);
    case "AccountNonceApi_account_nonce":
      return encode("u32", accountAt(ground.state, codec<Hex>("AccountId32").decode(reader)).nonce);
    case "TransactionPaymentApi_query_info":
      return encode("(Weight, DispatchClass, u128)", [callWeight, "Normal", feeOf(announcedLength(args))]);
    case "TransactionPaymentApi_query_fee_details":
      return feeDetails(announcedLength(args));
    case "TaggedTransactionQueue_validate_transaction":
      return validate(ground, reader);
    default:
      throw new ExecutionFailed(`Exported method ${name} is not found`);
  }
}

function opaque(bytes: Uint8Array): Uint8Array {
  const writer = new Writer();
  writer.compact(BigInt(bytes.length));
  writer.put(bytes);
  return writer.finish();
}

/** The extrinsic's length follows the extrinsic as the last four bytes of the argument. */
function announcedLength(bytes: Uint8Array): number {
  if (bytes.length < 4) throw new ExecutionFailed("input too short");
  return new Reader(bytes.subarray(bytes.length - 4)).u32();
}

function feeDetails(length: number): Uint8Array {
  const { base, perByte } = baseFeeOf();
  return encode("(Option<(u128, u128, u128)>, u128)", [[base, perByte * BigInt(length), 0n], 0n]);
}

const invalid = (reason: InvalidReason): Uint8Array => new Uint8Array([1, 0, invalidIndex.indexOf(reason)]);

function validate(ground: Ground, reader: Reader): Uint8Array {
  reader.u8();
  let transaction: Transaction;
  try {
    const length = new Writer();
    const body = readBytes(reader);
    length.compact(BigInt(body.length));
    transaction = decodeTransaction(Buffer.concat([length.finish(), body]));
  } catch {
    return invalid("Call");
  }
  if (transaction.signed === null) return invalid("Call");
  const validity = checkTransaction(ground, transaction as SignedTransaction, false);
  if (!validity.isValid) return invalid(validity.reason);
  const { account, nonce, tip } = transaction.signed;
  const tag = (of: number): Hex => `0x${Buffer.from(encode("(AccountId32, u32)", [account, of])).toString("hex")}`;
  const longevity = Number.isFinite(validity.diesAt) ? BigInt(validity.diesAt) : 2n ** 64n - 1n;
  return Buffer.concat([
    Buffer.from([0]),
    encode("(u64, Vec<Vec<u8>>, Vec<Vec<u8>>, u64, bool)", [
      tip,
      validity.isFuture ? [tag(nonce - 1)] : [],
      [tag(nonce)],
      longevity,
      true,
    ]),
  ]);
}
