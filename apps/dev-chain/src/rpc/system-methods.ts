import { accountFrom } from "../engine/account.js";
import { callWeight } from "../engine/block.js";
import { fromHex } from "../engine/codec.js";
import { feeOf } from "../pallet/transaction-payment.js";
import { chainName, ss58Prefix, tokenDecimals, tokenSymbol } from "../shape/version.js";
import { invalidParams } from "./error.js";
import { hexParam, type Method, type Methods, type RpcContext } from "./method.js";

export function systemMethods({ chain, nodeName }: RpcContext): Methods {
  const nextIndex: Method = ([account]) => {
    if (typeof account !== "string") throw invalidParams("account must be a text");
    return chain.nextNonce(accountFrom(account));
  };
  return {
    system_chain: () => chainName,
    system_chainType: () => "Development",
    system_name: () => nodeName,
    system_version: () => "0.1.0",
    system_properties: () => ({ ss58Format: ss58Prefix, tokenDecimals, tokenSymbol }),
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
    system_peers: () => [],
    system_nodeRoles: () => ["Authority"],
    system_syncState: () => {
      const { number } = chain.head.header;
      return { startingBlock: 0, currentBlock: number, highestBlock: number };
    },
    system_accountNextIndex: nextIndex,
    account_nextIndex: nextIndex,
    payment_queryInfo: (params) => ({
      weight: { ref_time: Number(callWeight.refTime), proof_size: Number(callWeight.proofSize) },
      class: "normal",
      partialFee: feeOf(fromHex(hexParam(params, 0, "extrinsic")).length).toString(),
    }),
  };
}
