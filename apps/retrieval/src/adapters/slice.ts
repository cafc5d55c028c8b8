import { KiB } from "@granary/primitives";

/** What has a digest of its own, and so is read and checked alone. */
export const SLICE_BYTES = 256 * KiB;
export const DIGEST_BYTES = 32;
