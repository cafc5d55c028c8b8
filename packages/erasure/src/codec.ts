/** A fragment's row, and its bytes or the room for them. */
export interface FragmentPlace {
  readonly row: number;
  readonly bytes: Uint8Array;
}

/**
 * Reed-Solomon 4+8 over equally long byte strings. The code works position by position: byte p of every fragment
 * depends only on byte p of the four data fragments. So any slice may be coded alone, and the fragment size is
 * whatever a quarter of the input is; the chain's own size matters only to callers.
 */
export interface ErasureCodec {
  readonly name: string;

  /**
   * Twelve fragments in column order. The first four are views of `segment`, the other eight are views of `parity`:
   * a caller's buffer of twice the segment's length to write into, or a new one.
   * @throws CodedError SEGMENT_LENGTH_INVALID, PARITY_LENGTH_INVALID (bug)
   */
  encode(segment: Uint8Array, parity?: Uint8Array): Uint8Array[];

  /**
   * Writes the eight parity fragments of four data fragments, wherever each of the twelve lies.
   * @throws CodedError FRAGMENT_COUNT_INVALID, FRAGMENT_ROOM_INVALID (bug)
   */
  encodeParity(data: readonly Uint8Array[], parity: readonly Uint8Array[]): void;

  /**
   * One fragment, equal to `encode(segment)[row]`: a view of `segment` for a data row, new bytes for a parity row.
   * @throws CodedError SEGMENT_LENGTH_INVALID, ROW_INVALID (bug)
   */
  encodeRow(segment: Uint8Array, row: number): Uint8Array;

  /**
   * Writes any rows, from twelve places of which at least four hold a fragment. Uses four: data first, then parity in
   * order. Nothing here can tell a false fragment from a true one: the caller has compared each with its hash. No
   * wanted place may share memory with a fragment, other than be that very fragment's.
   * @throws CodedError FRAGMENT_COUNT_INVALID, FRAGMENT_ROOM_INVALID, ROW_INVALID (bug), FRAGMENTS_NOT_ENOUGH
   *   (exhausted), FRAGMENT_LENGTH_INVALID (corrupt), CODEC_RESULT_WRONG (bug) where a codec checks its own work
   */
  restore(fragments: readonly (Uint8Array | null)[], wanted: readonly FragmentPlace[]): void;

  /**
   * The segment, as `restore` gives its data fragments. The result is `into` (four fragments long), or a new buffer; it
   * never shares memory with the fragments.
   * @throws CodedError as `restore`, and INTO_LENGTH_INVALID (bug)
   */
  reconstruct(fragments: readonly (Uint8Array | null)[], into?: Uint8Array): Uint8Array;
}

/** What one way of coding has to bring; `codecOf` makes a codec of it. Here all lengths and rows are right already. */
export interface CodecCore {
  readonly name: string;
  encodeParity(data: readonly Uint8Array[], parity: readonly Uint8Array[]): void;
  /** Writes the wanted rows from four others. */
  restore(four: readonly FragmentPlace[], wanted: readonly FragmentPlace[]): void;
}
