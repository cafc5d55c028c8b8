import { type Fid, FRAGMENT_BYTES, type FragmentHash } from "@granary/primitives";
import { readEnvelope, refusalOf } from "./envelope.js";
import { MinerError } from "./errors.js";
import { exchange, readShort, type Wire } from "./exchange.js";
import { receiveFragment } from "./receive-fragment.js";
import { type Signer, signHeaders } from "./sign-headers.js";

export interface GetFragment {
  readonly endpoint: string;
  readonly fid: Fid;
  readonly fragment: FragmentHash;
  /**
   * Memory to receive into, of exactly one fragment, shared or not; holds anything after a failure. Nothing is written
   * there any more once the call has ended, or `signal` is aborted, whichever is first.
   */
  readonly into?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns the fragment whose hash was asked for, or throws: bytes that were not checked never leave this function,
 * which is also why there is no reading of ranges. @throws MinerError
 */
export async function getFragment(
  wire: Wire,
  signer: Signer,
  answerTimeoutMs: number,
  request: GetFragment,
): Promise<Uint8Array> {
  const { fid, fragment, into, signal } = request;
  if (into !== undefined && into.length !== FRAGMENT_BYTES) {
    throw new MinerError("FRAGMENT_SIZE_INVALID", "a fragment has one size only", { sizeBytes: into.length });
  }
  return exchange(
    wire,
    {
      endpoint: request.endpoint,
      method: "GET",
      path: "/fragment",
      headers: await signHeaders(signer, fid, fragment),
      answerTimeoutMs,
      signal,
    },
    async (answer) => {
      if (answer.status !== 200) throw refusalOf(answer.status, readEnvelope(await readShort(answer)));
      // Not earlier: memory for a fragment is spent only on a miner that answers.
      return receiveFragment(answer, { fragment, into: into ?? new Uint8Array(FRAGMENT_BYTES), signal });
    },
  );
}
