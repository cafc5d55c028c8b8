import { CodedError } from "@granary/primitives";
import type { Memory } from "./web-assembly.js";

export const pageBytes = 65_536;
/** A gibibyte: more than nodes give a runtime by default. */
const pagesMax = 16_384;

/** The linear memory of one instance, and how runtime and host pass bytes through it. */
export class GuestMemory {
  private view: Uint8Array;

  constructor(
    private readonly memory: Memory,
    readonly heap: Heap,
  ) {
    this.view = new Uint8Array(memory.buffer);
  }

  /** A copy. */
  read(pointer: number, length: number): Uint8Array {
    return this.span(pointer, length).slice();
  }

  /** The bytes themselves: good until the runtime goes on. */
  span(pointer: number, length: number): Uint8Array {
    const from = pointer >>> 0;
    const end = from + (length >>> 0);
    const bytes = this.bytes;
    if (end > bytes.length) throw new CodedError("MEMORY_OUT_OF_BOUNDS", "invalid", `no byte ${end - 1} in memory`);
    return bytes.subarray(from, end);
  }

  write(pointer: number, data: Uint8Array): void {
    this.span(pointer, data.length).set(data);
  }

  /** Puts bytes on the heap. @returns where they are */
  place(data: Uint8Array): number {
    const pointer = this.malloc(data.length);
    this.write(pointer, data);
    return pointer;
  }

  malloc(size: number): number {
    return this.heap.malloc(this, size >>> 0);
  }

  free(pointer: number): void {
    this.heap.free(this, pointer >>> 0);
  }

  /** Makes sure that the bytes before `end` are there. */
  reach(end: number): void {
    const missing = Math.ceil(end / pageBytes) - this.memory.buffer.byteLength / pageBytes;
    if (missing <= 0) return;
    if (Math.ceil(end / pageBytes) > pagesMax)
      throw new CodedError("HEAP_EXHAUSTED", "exhausted", "the runtime's memory is full");
    this.memory.grow(missing);
  }

  private get bytes(): Uint8Array {
    // Growing detaches the old buffer.
    if (this.view.buffer !== this.memory.buffer) this.view = new Uint8Array(this.memory.buffer);
    return this.view;
  }
}

/** Before each piece: its class while it is in use. */
const headerBytes = 8;
const smallestBytes = 8;
/** Sizes 8, 16, 32 … 32 MiB. */
const classCount = 23;

/**
 * Hands out memory above the runtime's own data in powers of two; pieces that were given back are handed out again,
 * last first. The lists are kept here and not in the guest's memory, which cannot break them.
 */
export class Heap {
  private readonly idle: number[][] = Array.from({ length: classCount }, () => []);
  private end: number;

  constructor(private readonly base: number) {
    this.end = this.aligned;
  }

  malloc(memory: GuestMemory, size: number): number {
    const order = Math.max(0, Math.ceil(Math.log2(Math.max(size, 1) / smallestBytes)));
    if (order >= classCount) throw new CodedError("ALLOCATION_TOO_LARGE", "invalid", `${size} bytes at once`);
    const piece = this.idle[order]!.pop() ?? this.extend(memory, order);
    memory.write(piece, Uint8Array.of(order, used, 0, 0, 0, 0, 0, 0));
    return piece + headerBytes;
  }

  free(memory: GuestMemory, pointer: number): void {
    const piece = pointer - headerBytes;
    const [order, mark] = memory.read(piece, 2);
    if (piece < this.aligned || piece >= this.end || mark !== used || order! >= classCount) {
      throw new CodedError("NOT_ALLOCATED", "invalid", `nothing was allocated at ${pointer}`);
    }
    memory.write(piece, new Uint8Array(headerBytes));
    this.idle[order!]!.push(piece);
  }

  /** Everything is free again. */
  reset(): void {
    this.end = this.aligned;
    for (const list of this.idle) list.length = 0;
  }

  private extend(memory: GuestMemory, order: number): number {
    const piece = this.end;
    const end = piece + headerBytes + smallestBytes * 2 ** order;
    memory.reach(end);
    this.end = end;
    return piece;
  }

  private get aligned(): number {
    return Math.ceil(this.base / smallestBytes) * smallestBytes;
  }
}
const used = 0xa5;
