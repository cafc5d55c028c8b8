import { encode } from "../../engine/codec.js";
import type { GuestMemory } from "../memory.js";
import type { RuntimeState } from "../state.js";

export type Level = "error" | "warn" | "info" | "debug" | "trace";
export type Log = (level: Level, target: string, message: string) => void;

/** What host functions work on. Memory and state are asked for when a function runs: both outlive no call. */
export interface Guest {
  readonly memory: () => GuestMemory;
  readonly state: () => RuntimeState;
  readonly log: Log;
  /** SCALE of the version that a runtime says it is; undefined where the bytes are none. */
  readonly versionOf: (code: Uint8Array) => Uint8Array | undefined;
}

/**
 * Takes and gives numbers for 32-bit words and pointers, bigints for 64-bit words or a pointer with a length above it:
 * those that the function's name is declared with.
 */
// biome-ignore lint/suspicious/noExplicitAny: each has its own.
export type HostFunction = (...words: any[]) => unknown;
export type HostFunctions = Readonly<Record<string, HostFunction>>;

export const pointerOf = (span: bigint): number => Number(span & 0xffffffffn);
export const lengthOf = (span: bigint): number => Number((span >> 32n) & 0xffffffffn);
export const spanOf = (pointer: number, length: number): bigint => (BigInt(length) << 32n) | BigInt(pointer >>> 0);

export const bytesIn = (guest: Guest, span: bigint): Uint8Array => guest.memory().read(pointerOf(span), lengthOf(span));

export function give(guest: Guest, bytes: Uint8Array): bigint {
  return spanOf(guest.memory().place(bytes), bytes.length);
}

/** A value that may be missing, as SCALE has it. */
export const giveOption = (guest: Guest, bytes: Uint8Array | undefined): bigint =>
  give(guest, bytes === undefined ? none : Buffer.concat([some, sized(bytes)]));

export const sized = (bytes: Uint8Array): Uint8Array => Buffer.concat([encode("Compact<u32>", bytes.length), bytes]);

const none = Uint8Array.of(0);
const some = Uint8Array.of(1);
