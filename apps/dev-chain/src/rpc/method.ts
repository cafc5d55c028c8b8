import type { Chain, TransactionFate } from "../engine/chain.js";
import type { Hex } from "../engine/codec.js";
import type { Block, Ground } from "../engine/engine.js";
import { invalidParams, stateDiscarded, unknownBlock } from "./error.js";

/** Sends a subscription's notifications; what is sent before the client knows its id waits until it does. */
export type Notify = (result: unknown) => void;

/** Opens a subscription on the caller's connection. `begin` returns what ends it. */
export type Subscribe = (notification: string, begin: (notify: Notify, end: () => void) => () => void) => string;

export interface Caller {
  /** @throws RpcError where the transport has no way back, as plain HTTP */
  readonly subscribe: Subscribe;
  readonly unsubscribe: (id: string) => boolean;
}

export type Method = (params: readonly unknown[], caller: Caller) => unknown;
export type Methods = Readonly<Record<string, Method>>;

/** What goes wrong with chains and their nodes, made to go wrong on request. */
export interface Faults {
  seal(): Block;
  reorganize(depth: number, fate: TransactionFate): Block;
  stallFinality(isStalled: boolean): void;
  shiftClock(shiftMs: number): void;
  /** No subscription that is open now says anything any more. @returns how many are silent */
  silenceSubscriptions(): number;
}

export interface RpcContext {
  readonly chain: Chain;
  readonly nodeName: string;
  /** Null on chains that take no such requests. */
  readonly faults: Faults | null;
}

/** Bytes as nodes read them: in hexadecimal digits, with 0x or without. */
export function hexParam(params: readonly unknown[], at: number, what: string): Hex {
  const value = params[at];
  if (typeof value !== "string" || !/^(?:0x)?(?:[0-9a-fA-F]{2})*$/.test(value))
    throw invalidParams(`${what} must be hexadecimal`);
  return `0x${value.replace(/^0x/, "").toLowerCase()}`;
}

export function optionalHex(params: readonly unknown[], at: number, what: string): Hex | undefined {
  return params[at] === undefined || params[at] === null ? undefined : hexParam(params, at, what);
}

export function hexListParam(params: readonly unknown[], at: number, what: string): Hex[] {
  const value = params[at];
  if (!Array.isArray(value)) throw invalidParams(`${what} must be a list`);
  return value.map((_, i) => hexParam(value, i, what));
}

/** A block named by its hash, or the newest, with its state. */
export function groundAt({ chain }: RpcContext, hash: Hex | undefined): Ground {
  if (hash === undefined) return chain.ground();
  const block = chain.blockOf(hash);
  if (block === undefined) throw unknownBlock(hash);
  return chain.groundAt(block) ?? raise(stateDiscarded(hash));
}

export const unsubscriber: Method = ([id], caller) => caller.unsubscribe(String(id));

function raise(error: Error): never {
  throw error;
}
