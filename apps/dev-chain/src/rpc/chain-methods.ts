import { type Hex, toHex } from "../engine/codec.js";
import type { Block } from "../engine/engine.js";
import { headerJson } from "../engine/header.js";
import { invalidParams } from "./error.js";
import { type Method, type Methods, optionalHex, type RpcContext, unsubscriber } from "./method.js";

function numberParam(value: unknown): number {
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0)
    throw invalidParams("not a block number");
  return number;
}

export function chainMethods({ chain }: RpcContext): Methods {
  const find = (params: readonly unknown[]): Block | undefined => {
    const hash = optionalHex(params, 0, "block hash");
    return hash === undefined ? chain.head : chain.blockOf(hash);
  };
  const hashOf = (value: unknown): Hex | null => chain.hashAt(numberParam(value)) ?? null;

  const getBlockHash: Method = ([which]) => {
    if (which === undefined || which === null) return chain.head.hash;
    return Array.isArray(which) ? which.map(hashOf) : hashOf(which);
  };
  const newHeads: Method = (_, caller) =>
    caller.subscribe("chain_newHead", (notify) => {
      notify(headerJson(chain.head.header));
      return chain.onHead(({ header }) => notify(headerJson(header)));
    });
  const allHeads: Method = (_, caller) =>
    caller.subscribe("chain_allHead", (notify) => {
      notify(headerJson(chain.head.header));
      return chain.onImport(({ header }) => notify(headerJson(header)));
    });
  const finalizedHeads: Method = (_, caller) =>
    caller.subscribe("chain_finalizedHead", (notify) => {
      notify(headerJson(chain.finalized.header));
      return chain.onFinalized(({ header }) => notify(headerJson(header)));
    });

  return {
    chain_getBlock: (params) => {
      const block = find(params);
      if (block === undefined) return null;
      return {
        block: { header: headerJson(block.header), extrinsics: block.extrinsics.map(toHex) },
        justifications: null,
      };
    },
    chain_getHeader: (params) => {
      const block = find(params);
      return block === undefined ? null : headerJson(block.header);
    },
    chain_getBlockHash: getBlockHash,
    chain_getHead: getBlockHash,
    chain_getFinalizedHead: () => chain.finalized.hash,
    chain_getFinalisedHead: () => chain.finalized.hash,
    chain_subscribeNewHead: newHeads,
    chain_subscribeNewHeads: newHeads,
    chain_subscribeAllHeads: allHeads,
    chain_subscribeFinalizedHeads: finalizedHeads,
    chain_subscribeFinalisedHeads: finalizedHeads,
    chain_unsubscribeNewHead: unsubscriber,
    chain_unsubscribeNewHeads: unsubscriber,
    chain_unsubscribeAllHeads: unsubscriber,
    chain_unsubscribeFinalizedHeads: unsubscriber,
    chain_unsubscribeFinalisedHeads: unsubscriber,
  };
}
