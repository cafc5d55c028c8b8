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
   * One fragment, equal to `encode(segment)[row]`: a view of `segment` for a data row, new bytes for a parity row.
   * @throws CodedError SEGMENT_LENGTH_INVALID, ROW_INVALID (bug)
   */
  encodeRow(segment: Uint8Array, row: number): Uint8Array;

  /**
   * The segment, from twelve places of which at least four hold a fragment. Uses the four with the lowest index and
   * reads no others. Nothing here can tell a false fragment from a true one: the caller has compared each with its
   * hash. The result is `into` (four fragments long), or a new buffer; it never shares memory with the fragments.
   * @throws CodedError FRAGMENT_COUNT_INVALID, INTO_LENGTH_INVALID (bug), FRAGMENTS_NOT_ENOUGH (exhausted),
   *   FRAGMENT_LENGTH_INVALID (corrupt), CODEC_RESULT_WRONG (bug) where a codec checks its own work
   */
  reconstruct(fragments: readonly (Uint8Array | null)[], into?: Uint8Array): Uint8Array;
}
