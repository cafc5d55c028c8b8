import { CodedError, DATA_FRAGMENTS, FRAGMENTS_PER_SEGMENT, PARITY_FRAGMENTS } from "@granary/primitives";
import type { FragmentPlace } from "./codec.js";

/** Bytes of one fragment of a segment. @throws CodedError SEGMENT_LENGTH_INVALID (bug) */
export function fragmentLengthOf(segment: Uint8Array): number {
  if (segment.length === 0 || segment.length % DATA_FRAGMENTS !== 0) {
    throw new CodedError("SEGMENT_LENGTH_INVALID", "bug", "a segment is a positive multiple of four bytes long", {
      segmentBytes: segment.length,
    });
  }
  return segment.length / DATA_FRAGMENTS;
}

/** @throws CodedError ROW_INVALID (bug) */
export function checkRow(row: number): void {
  if (!Number.isInteger(row) || row < 0 || row >= FRAGMENTS_PER_SEGMENT) {
    throw new CodedError("ROW_INVALID", "bug", `a row is an integer below ${FRAGMENTS_PER_SEGMENT}`, { row });
  }
}

/** The length that `count` fragments have. @throws CodedError FRAGMENT_COUNT_INVALID, FRAGMENT_ROOM_INVALID (bug) */
export function lengthOfAll(fragments: readonly Uint8Array[], count: number): number {
  if (fragments.length !== count) {
    throw new CodedError("FRAGMENT_COUNT_INVALID", "bug", `${count} fragments are needed here`, {
      places: fragments.length,
    });
  }
  const length = (fragments[0] as Uint8Array).length;
  for (const room of fragments) checkRoom(room, length);
  return length;
}

/** @throws CodedError FRAGMENT_ROOM_INVALID (bug) */
export function checkRoom(room: Uint8Array, fragmentLength: number): void {
  if (room.length === 0 || room.length !== fragmentLength) {
    throw new CodedError("FRAGMENT_ROOM_INVALID", "bug", "places of one segment's fragments differ in length", {
      roomBytes: room.length,
      wantedBytes: fragmentLength,
    });
  }
}

/** `count` neighbouring views of one fragment each, from the start of `bytes`. */
export function sliceFragments(bytes: Uint8Array, fragmentLength: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, k) => bytes.subarray(k * fragmentLength, (k + 1) * fragmentLength));
}

/** Room for the eight parity fragments. @throws CodedError PARITY_LENGTH_INVALID (bug) */
export function parityRoom(fragmentLength: number, offered: Uint8Array | undefined): Uint8Array {
  const wanted = PARITY_FRAGMENTS * fragmentLength;
  if (offered === undefined) return new Uint8Array(wanted);
  if (offered.length !== wanted) {
    throw new CodedError("PARITY_LENGTH_INVALID", "bug", "the parity buffer is not eight fragments long", {
      parityBytes: offered.length,
      wantedBytes: wanted,
    });
  }
  return offered;
}

/** Room for the restored segment. @throws CodedError INTO_LENGTH_INVALID (bug) */
export function segmentRoom(fragmentLength: number, offered: Uint8Array | undefined): Uint8Array {
  const wanted = DATA_FRAGMENTS * fragmentLength;
  if (offered === undefined) return new Uint8Array(wanted);
  if (offered.length !== wanted) {
    throw new CodedError("INTO_LENGTH_INVALID", "bug", "the segment buffer is not four fragments long", {
      intoBytes: offered.length,
      wantedBytes: wanted,
    });
  }
  return offered;
}

/**
 * The four fragments that a reconstruction uses: data rows first, as they cost a copy only, then parity in order.
 * All present fragments must agree in length, also those not used: a disagreement means that somebody lied.
 * @throws CodedError FRAGMENT_COUNT_INVALID (bug), FRAGMENT_LENGTH_INVALID (corrupt), FRAGMENTS_NOT_ENOUGH (exhausted)
 */
export function chooseFour(fragments: readonly (Uint8Array | null)[]): FragmentPlace[] {
  if (fragments.length !== FRAGMENTS_PER_SEGMENT) {
    throw new CodedError("FRAGMENT_COUNT_INVALID", "bug", `a segment has ${FRAGMENTS_PER_SEGMENT} places`, {
      places: fragments.length,
    });
  }
  const present: FragmentPlace[] = [];
  fragments.forEach((bytes, row) => {
    if (bytes !== null) present.push({ row, bytes });
  });
  const fragmentLength = present[0]?.bytes.length ?? 0;
  for (const { row, bytes } of present) {
    if (bytes.length === 0 || bytes.length !== fragmentLength) {
      throw new CodedError("FRAGMENT_LENGTH_INVALID", "corrupt", "fragments of one segment differ in length", {
        row,
        fragmentBytes: bytes.length,
        expectedBytes: fragmentLength,
      });
    }
  }
  if (present.length < DATA_FRAGMENTS) {
    throw new CodedError("FRAGMENTS_NOT_ENOUGH", "exhausted", `${DATA_FRAGMENTS} fragments restore a segment`, {
      present: present.length,
      needed: DATA_FRAGMENTS,
    });
  }
  return present.slice(0, DATA_FRAGMENTS);
}
