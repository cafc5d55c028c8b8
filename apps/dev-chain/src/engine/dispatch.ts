import { palletShape, pallets } from "../shape/index.js";
import type { Overlay } from "../store/overlay.js";
import type { Hex } from "./codec.js";

export type Origin =
  | { readonly type: "root" }
  | { readonly type: "signed"; readonly account: Hex }
  | { readonly type: "none" };

/** A decoded call: pallet, then function, then arguments by camelCase name. */
export interface Call {
  readonly type: string;
  readonly value: { readonly type: string; readonly value: unknown };
}

export type DispatchError =
  | "Other"
  | "CannotLookup"
  | "BadOrigin"
  | "ConsumerRemaining"
  | { readonly type: "Module"; readonly value: { readonly index: number; readonly error: Hex } }
  | { readonly type: "Token"; readonly value: string }
  | { readonly type: "Arithmetic"; readonly value: string };

/** Thrown by a call that the rules refuse; its writes and events are dropped. */
export class DispatchFailure extends Error {
  constructor(
    readonly error: DispatchError,
    message: string,
  ) {
    super(message);
  }
}

/** What a pallet's rules may touch while they run. */
export interface Context {
  readonly state: Overlay;
  /** Number of the block being made. */
  readonly block: number;
  /** Hash of its parent: the chain's source of chance. */
  readonly parentHash: Hex;
  readonly origin: Origin;
  /** Field names in camelCase. */
  emit(pallet: string, event: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Runs a call of its own; what it wrote and emitted is dropped when it fails. */
  dispatch(call: Call, origin: Origin): DispatchError | null;
}

export type Handler = (context: Context, args: unknown) => void;

/** The behaviour of one pallet; its shape is data elsewhere. */
export interface Pallet {
  readonly name: string;
  readonly calls: Readonly<Record<string, Handler>>;
  /** Runs at the beginning of every block. */
  readonly initialize?: (context: Context) => void;
}

/** A handler with its arguments' type: the codec made them from the shape of the same name. */
export const handler = <Args>(run: (context: Context, args: Args) => void): Handler => run as Handler;

export function moduleError(pallet: string, name: string): DispatchError {
  const shape = palletShape(pallet);
  const index = shape.errors.indexOf(name);
  if (index < 0) throw new Error(`${pallet} has no error ${name}`);
  return { type: "Module", value: { index: shape.index, error: `0x${index.toString(16).padStart(2, "0")}000000` } };
}

export function fail(pallet: string, name: string): never {
  throw new DispatchFailure(moduleError(pallet, name), `${pallet}.${name}`);
}

export function ensure(condition: boolean, pallet: string, name: string): asserts condition {
  if (!condition) fail(pallet, name);
}

export function failWith(error: Exclude<DispatchError, { type: "Module" }>): never {
  throw new DispatchFailure(error, typeof error === "string" ? error : `${error.type}.${error.value}`);
}

export function signer(context: Context): Hex {
  if (context.origin.type !== "signed") failWith("BadOrigin");
  return context.origin.account;
}

export function ensureRoot(context: Context): void {
  if (context.origin.type !== "root") failWith("BadOrigin");
}

export type MultiAddress = { readonly type: string; readonly value: unknown };

/** Only plain account ids name an account here: there are no indices and no foreign addresses. */
export function accountOf(address: MultiAddress): Hex {
  if (address.type !== "Id") failWith("CannotLookup");
  return address.value as Hex;
}

/** A dispatch error as people write it: `FileBank.NoPermission`, `Token.FundsUnavailable`, `BadOrigin`. */
export function errorName(error: DispatchError): string {
  if (typeof error === "string") return error;
  if (error.type !== "Module") return `${error.type}.${error.value}`;
  const pallet = pallets.find(({ index }) => index === error.value.index);
  return `${pallet?.name}.${pallet?.errors[Number.parseInt(error.value.error.slice(2, 4), 16)]}`;
}
