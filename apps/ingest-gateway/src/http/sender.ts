import { parseRequestMessage } from "@granary/contracts";
import { type AccountId, CodedError } from "@granary/primitives";
import type { FastifyRequest } from "fastify";
import type { ChunkOwner } from "../flow/receive-chunk.js";
import { type ActualRequest, checkBoundRequest, useNonce } from "../identity/bound-request.js";
import { identify } from "../identity/identify.js";
import type { Ports } from "../ports.js";
import { queryOf } from "./answer.js";
import { credentialsOf, headerOf, placementWishesFrom } from "./headers.js";

export type SenderPorts = Pick<Ports, "checkAccess" | "rememberNonce" | "config" | "now">;

/**
 * Who signed the request, when this gateway serves them.
 * @throws CodedError what `identify` and `checkBoundRequest` throw; SIGNATURE_REPLAYED, SIGNATURE_UNBOUND, ACCESS_DENIED
 * (denied)
 */
export async function senderOf(ports: SenderPorts, request: FastifyRequest): Promise<AccountId> {
  const nowMs = ports.now().getTime();
  const credentials = credentialsOf(request.headers);
  const account = await identify(credentials, nowMs);
  const signed = parseRequestMessage(credentials.message ?? "");
  if (signed !== null) {
    checkBoundRequest(signed, actualRequest(ports, request, account), nowMs);
    await useNonce(ports.rememberNonce, account, signed);
  } else if (ports.config.SIGNATURE_MODE === "bound") {
    throw new CodedError("SIGNATURE_UNBOUND", "denied", "this gateway takes only signatures that name their request");
  }
  ports.checkAccess(account);
  return account;
}

function actualRequest({ config }: SenderPorts, request: FastifyRequest, account: AccountId): ActualRequest {
  // Who replays to another gateway writes the Host header; the address in the settings they cannot write.
  const host = config.PUBLIC_URL === undefined ? (request.headers.host ?? "") : new URL(config.PUBLIC_URL).host;
  const territory = headerOf(request.headers, "territory") ?? "";
  return { method: request.method, host, path: request.raw.url ?? "", account, territory };
}

/** Digest of the body that the sender signed; null where they signed none. */
export const signedBodyOf = (request: FastifyRequest): string | null =>
  parseRequestMessage(headerOf(request.headers, "message") ?? "")?.bodySha256 ?? null;

/** What the headers of an upload say of it, besides its size. */
export async function uploadHeadsOf(ports: SenderPorts, request: FastifyRequest, name: string): Promise<ChunkOwner> {
  const account = await senderOf(ports, request);
  return {
    account,
    territory: headerOf(request.headers, "territory") ?? "",
    name,
    contentType: plainType(request.headers["content-type"]),
    placement: placementWishesFrom(request.headers, queryOf(request).placement),
  };
}

/** What may be sent back in a header: a type, and parameters in printable ASCII. */
const typeForm = /^[\w.+-]{1,80}\/[\w.+-]{1,80}(?:\s*;[\x20-\x7e]{0,100})?$/;
const saysNothing = /^(?:multipart\/|application\/octet-stream|application\/x-www-form-urlencoded)/i;

/** The type of a raw body, where it is one that tells something; of a form it says nothing about the file. */
export function plainType(contentType: string | undefined): string | null {
  if (contentType === undefined || !typeForm.test(contentType) || saysNothing.test(contentType)) return null;
  return contentType;
}
