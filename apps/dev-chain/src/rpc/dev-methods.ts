import { transactionFates } from "../engine/chain.js";
import { invalidParams } from "./error.js";
import { hexParam, type Methods, type RpcContext } from "./method.js";

const depthMax = 64;
const sealsMax = 10_000;
const dayMs = 86_400_000;

function whole(params: readonly unknown[], at: number, what: string, least: number, most: number): number {
  const value = params[at];
  if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > most)
    throw invalidParams(`${what} must be a whole number from ${least} to ${most}`);
  return value;
}

function flag(params: readonly unknown[], at: number, what: string): boolean {
  const value = params[at];
  if (typeof value !== "boolean") throw invalidParams(`${what} must be true or false`);
  return value;
}

/** What nodes of a real network do not offer: time and trouble by request. None without `faults`. */
export function devMethods({ chain, faults }: RpcContext): Methods {
  if (faults === null) return {};
  return {
    /** [count] → hash of the last */
    dev_sealBlocks: (params) => {
      for (let left = whole(params, 0, "count", 1, sealsMax); left > 1; left -= 1) faults.seal();
      return faults.seal().hash;
    },
    /** [depth, fate of the transactions] → hash of the new best block */
    dev_reorganize: (params) => {
      const fate = transactionFates.find((name) => name === params[1]);
      if (fate === undefined) throw invalidParams(`fate must be one of ${transactionFates.join(", ")}`);
      return faults.reorganize(whole(params, 0, "depth", 1, depthMax), fate).hash;
    },
    /** [is stalled] */
    dev_stallFinality: (params) => faults.stallFinality(flag(params, 0, "is stalled")) ?? null,
    /** [milliseconds that blocks say to be later than they are, or less than 0] */
    dev_shiftClock: (params) => faults.shiftClock(whole(params, 0, "shift", -dayMs, dayMs)) ?? null,
    /** [hash, whether its watchers are told] → whether the pool had it */
    dev_dropTransaction: (params) => {
      const transaction = chain.pool.find(hexParam(params, 0, "hash"));
      if (transaction === undefined) return false;
      if (flag(params, 1, "is told")) chain.pool.drop(transaction, "dropped");
      else chain.pool.take(transaction.hash);
      return true;
    },
    /** [most transactions that may wait, or null for as many as ever] */
    dev_limitPool: (params) =>
      chain.pool.limit(params[0] === null ? null : whole(params, 0, "limit", 0, Number.MAX_SAFE_INTEGER)) ?? null,
    /** → how many are silent now */
    dev_silenceSubscriptions: () => faults.silenceSubscriptions(),
  };
}
