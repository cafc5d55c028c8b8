import { createHash } from "node:crypto";
import { copyBytes, digestOf, FRAGMENT_BYTES, type FragmentHash } from "@granary/primitives";
import { ENVELOPE_BYTES_MAX, readEnvelope, refusalOf } from "./envelope.js";
import { MinerError } from "./errors.js";
import type { Answer } from "./exchange.js";

export interface Receiving {
  readonly fragment: FragmentHash;
  /** Room for exactly one fragment, in shared memory or not. */
  readonly into: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The fragment of that hash, in `into`. From the moment in which `signal` is aborted nothing is written there, even while
 * this has not ended: a chunk that has come already, and waits for its turn, is dropped.
 * @throws MinerError; whatever `signal` was aborted with
 */
export async function receiveFragment(
  answer: Pick<Answer, "status" | "chunks">,
  { fragment, into, signal }: Receiving,
): Promise<Uint8Array> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of answer.chunks) {
    signal?.throwIfAborted();
    if (length + chunk.length > FRAGMENT_BYTES) throw wrongLength(length + chunk.length);
    copyBytes(chunk, into, length);
    length += chunk.length;
    hash.update(chunk);
  }
  signal?.throwIfAborted();
  if (length < FRAGMENT_BYTES) throw notAFragment(answer.status, into.subarray(0, length));
  if (digestOf(hash.digest()) === fragment) return into;
  throw new MinerError("FRAGMENT_DIGEST_MISMATCH", "the bytes are not the fragment that was asked for", { fragment });
}

/** Errors come with status 200 too: what is short may be the miner's words. */
function notAFragment(status: number, bytes: Uint8Array): MinerError {
  // Copied, as not every decoder takes bytes of shared memory.
  const envelope = bytes.length <= ENVELOPE_BYTES_MAX ? readEnvelope(Uint8Array.from(bytes)) : undefined;
  if (envelope === undefined) return wrongLength(bytes.length);
  if (envelope.code !== 200) return refusalOf(status, envelope);
  return new MinerError("MINER_PROTOCOL", "the miner says ok and sends no fragment", { status });
}

const wrongLength = (lengthBytes: number): MinerError =>
  new MinerError("FRAGMENT_LENGTH_MISMATCH", "the miner sent more or less than a fragment", { lengthBytes });
