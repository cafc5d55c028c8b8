import { accountFrom } from "../engine/account.js";
import { decode, encode, fromHex } from "../engine/codec.js";
import { invalidParams } from "./error.js";
import { groundAt, hexParam, type Method, type Methods, optionalHex, type RpcContext } from "./method.js";

export function systemMethods(context: RpcContext): Methods {
  const { chain, nodeName } = context;
  const { identity } = chain.engine;
  const nextIndex: Method = ([account]) => {
    if (typeof account !== "string") throw invalidParams("account must be a text");
    return chain.nextNonce(accountFrom(account));
  };
  return {
    system_chain: () => identity.chain,
    system_chainType: () => identity.chainType,
    system_name: () => nodeName,
    system_version: () => "0.1.0",
    system_properties: () => identity.properties,
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
    system_peers: () => [],
    system_nodeRoles: () => ["Authority"],
    system_syncState: () => {
      const { number } = chain.head.header;
      return { startingBlock: 0, currentBlock: number, highestBlock: number };
    },
    system_accountNextIndex: nextIndex,
    account_nextIndex: nextIndex,
    payment_queryInfo: (params) => {
      const extrinsic = fromHex(hexParam(params, 0, "extrinsic"));
      const args = Buffer.concat([extrinsic, encode("u32", extrinsic.length)]);
      const ground = groundAt(context, optionalHex(params, 1, "block hash"));
      return paymentJson(chain.engine.call(ground, "TransactionPaymentApi_query_info", args));
    },
  };
}

function paymentJson(bytes: Uint8Array) {
  const [{ refTime, proofSize }, dispatchClass, fee] = decode<[{ refTime: bigint; proofSize: bigint }, string, bigint]>(
    "(Weight, DispatchClass, u128)",
    bytes,
  );
  return {
    weight: { ref_time: Number(refTime), proof_size: Number(proofSize) },
    class: dispatchClass.toLowerCase(),
    partialFee: fee.toString(),
  };
}
