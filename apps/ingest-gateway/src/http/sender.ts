import type { AccountId } from "@granary/primitives";
import type { FastifyRequest } from "fastify";
import type { ChunkOwner } from "../flow/receive-chunk.js";
import { identify } from "../identity/identify.js";
import type { Ports } from "../ports.js";
import { queryOf } from "./answer.js";
import { credentialsOf, headerOf, placementWishesFrom } from "./headers.js";

/** Who signed the request, when this gateway serves them. */
export async function senderOf(ports: Pick<Ports, "checkAccess" | "now">, request: FastifyRequest): Promise<AccountId> {
  const account = await identify(credentialsOf(request.headers), ports.now().getTime());
  ports.checkAccess(account);
  return account;
}

/** What the headers of an upload say of it, besides its size. */
export async function uploadHeadsOf(
  ports: Pick<Ports, "checkAccess" | "now">,
  request: FastifyRequest,
  name: string,
): Promise<ChunkOwner> {
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
