import {
  CodedError,
  DATA_FRAGMENTS,
  FRAGMENT_BYTES,
  FRAGMENTS_PER_SEGMENT,
  KiB,
  PARITY_FRAGMENTS,
} from "@granary/primitives";
import { createKernelMemory, KERNEL_FREE_FROM, KERNEL_MEMORY_MAX, type SharedMemory } from "./kernel.js";

/**
 * From one fragment to the next. A distance that is a multiple of a page makes equal offsets in all twelve compete for
 * the same lines of the first-level cache, and costs a fifth to a third of the coding speed.
 */
const FRAGMENT_STRIDE = FRAGMENT_BYTES + 4608;
/** Bytes of parity at a time where it is hashed and forgotten: what fits the second-level cache beside its data. */
const TILE_BYTES = 32 * KiB;
const TILE_STRIDE = TILE_BYTES + 64;
/** The least unit in which a system gives memory, when it is first written. */
const SYSTEM_PAGE_BYTES = 4 * KiB;

/** What a slot has beside the segment: all parity, or eight tiles that parity passes through. */
export type SlotKind = "fragments" | "tiles";

/**
 * A fixed number of slots for one segment each, in a memory that the codec works in and all threads share: this object
 * may be posted to a thread, and `createCodec` there codes in place.
 */
export interface SegmentMemory {
  readonly memory: SharedMemory;
  readonly slots: number;
  readonly kind: SlotKind;
}

/** A slot's places, in column order: twelve, or the four of data and a tile for each of parity. */
export interface Slot {
  readonly data: readonly Uint8Array[];
  readonly parity: readonly Uint8Array[];
}

const slotBytes = (kind: SlotKind): number =>
  kind === "fragments"
    ? FRAGMENTS_PER_SEGMENT * FRAGMENT_STRIDE
    : DATA_FRAGMENTS * FRAGMENT_STRIDE + PARITY_FRAGMENTS * TILE_STRIDE;

/** How many slots one memory can have. */
export const slotsMax = (kind: SlotKind): number =>
  Math.floor((KERNEL_MEMORY_MAX - KERNEL_FREE_FROM) / slotBytes(kind));

/**
 * Takes all its memory now, unless told otherwise: what a service is configured to need it has from its first minute, and
 * a large file later needs no more than a small one. Where some of it is seldom needed, each page is taken when it is used.
 * @throws CodedError SEGMENT_MEMORY_INVALID (bug) for no slot, or more than `slotsMax`
 */
export function createSegmentMemory(slots: number, kind: SlotKind, taken: "now" | "when used" = "now"): SegmentMemory {
  if (!Number.isInteger(slots) || slots < 1 || slots > slotsMax(kind)) {
    throw new CodedError("SEGMENT_MEMORY_INVALID", "bug", `a segment memory has 1 to ${slotsMax(kind)} slots`, {
      slots,
    });
  }
  const memory = createKernelMemory(slots * slotBytes(kind));
  const view = new Uint8Array(memory.buffer);
  if (taken === "when used") return { memory, slots, kind };
  for (let at = KERNEL_FREE_FROM; at < view.length; at += SYSTEM_PAGE_BYTES) view[at] = 0;
  return { memory, slots, kind };
}

/** @throws CodedError SLOT_INVALID (bug) */
export function slotOf({ memory, slots, kind }: SegmentMemory, index: number): Slot {
  if (!Number.isInteger(index) || index < 0 || index >= slots) {
    throw new CodedError("SLOT_INVALID", "bug", "there is no such slot", { index, slots });
  }
  const start = KERNEL_FREE_FROM + index * slotBytes(kind);
  const fragments = (count: number, from: number, stride: number, bytes: number) =>
    Array.from({ length: count }, (_, k) => new Uint8Array(memory.buffer, from + k * stride, bytes));
  const data = fragments(DATA_FRAGMENTS, start, FRAGMENT_STRIDE, FRAGMENT_BYTES);
  const behind = start + DATA_FRAGMENTS * FRAGMENT_STRIDE;
  const parity =
    kind === "fragments"
      ? fragments(PARITY_FRAGMENTS, behind, FRAGMENT_STRIDE, FRAGMENT_BYTES)
      : fragments(PARITY_FRAGMENTS, behind, TILE_STRIDE, TILE_BYTES);
  return { data, parity };
}
