import { blockLength } from "../shape/system.js";
import { chainName, ss58Prefix, tokenDecimals, tokenSymbol } from "../shape/version.js";
import { BlockBuilder } from "./block.js";
import type { Engine } from "./engine.js";
import { checkRulesMatchShapes } from "./execution.js";
import { type Genesis, genesisBlock } from "./genesis.js";
import { runtimeIn } from "./runtime.js";
import { callRuntimeApi } from "./runtime-api.js";
import { decodeTransaction } from "./transaction.js";
import { checkTransaction, type SignedTransaction } from "./validity.js";

/**
 * The pallets written here, with metadata of their own.
 * @param onBug told of what a rule threw that is no refusal
 */
export function createTsEngine(genesis: Genesis, onBug: (error: unknown) => void): Engine<SignedTransaction> {
  checkRulesMatchShapes();
  return {
    identity: {
      chain: chainName,
      chainType: "Development",
      properties: { ss58Format: ss58Prefix, tokenDecimals, tokenSymbol },
    },
    genesis: () => genesisBlock(genesis, onBug),
    decode: (bytes) => {
      const transaction = decodeTransaction(bytes);
      return transaction.signed === null ? null : { ...transaction, signed: transaction.signed };
    },
    validate: (ground, transaction) =>
      transaction.bytes.length > blockLength.normal
        ? { isValid: false, reason: "ExhaustsResources" }
        : checkTransaction(ground, transaction, false),
    begin: (ground, now) => new BlockBuilder(ground, now, onBug),
    call: (ground, name, args) => callRuntimeApi(ground, name, args),
    version: (state) => runtimeIn(state).version,
  };
}
