import { createHash } from "node:crypto";
import { CodedError } from "@granary/primitives";

/**
 * The body as it is, which fails at its end when it is not the one that was signed: whoever reads it has not accepted it
 * yet. @throws CodedError BODY_DIGEST_MISMATCH (invalid)
 */
export async function* checkDigest(body: AsyncIterable<Uint8Array>, sha256: string): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  if (hash.digest("hex") !== sha256) {
    throw new CodedError("BODY_DIGEST_MISMATCH", "invalid", "the body is not the one that was signed");
  }
}
