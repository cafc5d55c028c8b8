import type { Refusal } from "../engine/chain.js";
import { fromHex, type Hex, toHex } from "../engine/codec.js";
import { invalidReasons } from "../engine/engine.js";
import type { TransactionStatus } from "../engine/pool.js";

import { RpcError } from "./error.js";
import { hexParam, type Methods, type RpcContext, unsubscriber } from "./method.js";

function refusalError(refusal: Refusal): RpcError {
  switch (refusal.refused) {
    case "undecodable":
      return new RpcError(1001, "Extrinsic has invalid format", refusal.detail);
    case "invalid":
      return new RpcError(1010, "Invalid Transaction", refusal.detail ?? invalidReasons[refusal.reason]);
    case "already-imported":
      return new RpcError(1013, "Transaction Already Imported", refusal.hash);
    case "priority-too-low":
      return new RpcError(
        1014,
        `Priority is too low: (${refusal.new} vs ${refusal.old})`,
        "The transaction has too low priority to replace another transaction already in the pool.",
      );
    case "pool-full":
      return new RpcError(1016, "Immediately dropped", "The transaction couldn't enter the pool because of the limit");
  }
}

const isLast = (status: TransactionStatus): boolean =>
  typeof status === "object"
    ? "finalized" in status || "usurped" in status
    : status === "invalid" || status === "dropped";

export function authorMethods({ chain }: RpcContext): Methods {
  const submit = (params: readonly unknown[]): { hash: Hex; isFuture: boolean } => {
    const outcome = chain.submit(fromHex(hexParam(params, 0, "extrinsic")));
    if ("refused" in outcome) throw refusalError(outcome);
    return outcome;
  };
  return {
    author_submitExtrinsic: (params) => submit(params).hash,
    author_submitAndWatchExtrinsic: (params, caller) => {
      const { hash, isFuture } = submit(params);
      return caller.subscribe("author_extrinsicUpdate", (notify, end) => {
        notify(isFuture ? "future" : "ready");
        return chain.pool.watch(hash, (status) => {
          notify(status);
          if (isLast(status)) end();
        });
      });
    },
    author_unwatchExtrinsic: unsubscriber,
    author_pendingExtrinsics: () => chain.pool.all().map(({ bytes }) => toHex(bytes)),
  };
}
