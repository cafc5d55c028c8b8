import { MiB } from "./unit.js";

/** The shape of stored data, fixed by the chain. Source: CESS runtime and SDK constants. */
export const SEGMENT_BYTES = 32 * MiB;
export const DATA_FRAGMENTS = 4;
export const PARITY_FRAGMENTS = 8;
/** Fragments of a segment, and so columns of a file, and so miners that hold it. */
export const FRAGMENTS_PER_SEGMENT = DATA_FRAGMENTS + PARITY_FRAGMENTS;
export const FRAGMENT_BYTES = SEGMENT_BYTES / DATA_FRAGMENTS;
/** Territory space that one segment occupies: all its fragments. */
export const STORED_BYTES_PER_SEGMENT = FRAGMENT_BYTES * FRAGMENTS_PER_SEGMENT;
export const SEGMENTS_PER_FILE_MAX = 1000;
export const FILE_BYTES_MAX = SEGMENTS_PER_FILE_MAX * SEGMENT_BYTES;
/** Bytes of a file name, UTF-8. */
export const FILE_NAME_BYTES_MIN = 3;
export const FILE_NAME_BYTES_MAX = 63;
/** SHA-256 of a fragment of zeros: a miner makes it by itself when it is named. */
export const ZERO_FRAGMENT_HASH = "2daeb1f36095b44b318410b3f4e8b5d989dcc7bb023d1426c492dab0a3053e74";
/**
 * FID of the empty object: SHA-256 of nothing. It needs no segment, so nothing is declared or placed for it and every
 * gateway can serve it.
 */
export const EMPTY_FID = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
