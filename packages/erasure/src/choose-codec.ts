import type { ErasureCodec } from "./codec.js";
import { createSubspaceCodec } from "./subspace-codec.js";

/** The codec of this process. */
export async function createCodec(): Promise<ErasureCodec> {
  return createSubspaceCodec();
}
