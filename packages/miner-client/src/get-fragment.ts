import { createHash } from "node:crypto";
import { digestOf, type Fid, FRAGMENT_BYTES, type FragmentHash } from "@granary/primitives";
import { ENVELOPE_BYTES_MAX, readEnvelope, refusalOf } from "./envelope.js";
import { MinerError } from "./errors.js";
import { type Answer, exchange, readShort, type Wire } from "./exchange.js";
import { type Signer, signHeaders } from "./sign-headers.js";

export interface GetFragment {
  readonly endpoint: string;
  readonly fid: Fid;
  readonly fragment: FragmentHash;
  /** Memory to receive into, of exactly one fragment; holds anything after a failure. */
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
  const { fid, fragment, into } = request;
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
      signal: request.signal,
    },
    async (answer) => {
      if (answer.status !== 200) throw refusalOf(answer.status, readEnvelope(await readShort(answer)));
      // Not earlier: memory for a fragment is spent only on a miner that answers.
      return receiveVerified(answer, fragment, into ?? new Uint8Array(FRAGMENT_BYTES));
    },
  );
}

async function receiveVerified(answer: Answer, fragment: FragmentHash, into: Uint8Array): Promise<Uint8Array> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of answer.chunks) {
    if (length + chunk.length > FRAGMENT_BYTES) throw wrongLength(length + chunk.length);
    into.set(chunk, length);
    length += chunk.length;
    hash.update(chunk);
  }
  if (length < FRAGMENT_BYTES) throw notAFragment(answer.status, into.subarray(0, length));
  if (digestOf(hash.digest()) === fragment) return into;
  throw new MinerError("FRAGMENT_DIGEST_MISMATCH", "the bytes are not the fragment that was asked for", { fragment });
}

/** Errors come with status 200 too: what is short may be the miner's words. */
function notAFragment(status: number, bytes: Uint8Array): MinerError {
  const envelope = bytes.length <= ENVELOPE_BYTES_MAX ? readEnvelope(bytes) : undefined;
  if (envelope === undefined) return wrongLength(bytes.length);
  if (envelope.code !== 200) return refusalOf(status, envelope);
  return new MinerError("MINER_PROTOCOL", "the miner says ok and sends no fragment", { status });
}

const wrongLength = (lengthBytes: number): MinerError =>
  new MinerError("FRAGMENT_LENGTH_MISMATCH", "the miner sent more or less than a fragment", { lengthBytes });
