import { randomBytes } from "node:crypto";
import type { Fid, FragmentHash } from "@granary/primitives";

/** Signs as the gateway's account. The key stays behind this interface. */
export interface Signer {
  /** SS58 text. */
  readonly account: string;
  /** sr25519 over the UTF-8 bytes of the message, in hexadecimal. */
  sign(message: string): string | Promise<string>;
}

/** base64url of this many bytes is a message of sixteen characters, the length that miners are used to. */
const MESSAGE_RANDOM_BYTES = 12;

/** Fresh for every request: a captured header must not be worth anything next time. */
export async function signHeaders(signer: Signer, fid: Fid, fragment: FragmentHash): Promise<Record<string, string>> {
  const message = randomBytes(MESSAGE_RANDOM_BYTES).toString("base64url");
  return {
    Fid: fid,
    Fragment: fragment,
    Account: signer.account,
    Message: message,
    Signature: await signer.sign(message),
  };
}
