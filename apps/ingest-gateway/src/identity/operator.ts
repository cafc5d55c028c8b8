import { createHash, timingSafeEqual } from "node:crypto";
import { CodedError } from "@granary/primitives";
import type { Secret } from "@granary/service-runtime";
import type { FastifyRequest } from "fastify";
import { queryOf } from "../http/answer.js";
import { headerOf } from "../http/headers.js";
import type { Ports } from "../ports.js";

const digest = (text: string) => createHash("sha256").update(text).digest();

/**
 * The name of the operator whose token this is, from `Authorization: Bearer TOKEN`. Compared as digests, all of them, so
 * that the time taken tells nothing.
 *
 * @throws CodedError OPERATOR_UNKNOWN (denied)
 */
export function operatorOf(operators: ReadonlyMap<string, Secret>, authorization: string | undefined): string {
  const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1] ?? "";
  const given = digest(token);
  let found: string | null = null;
  for (const [name, secret] of operators) if (timingSafeEqual(given, digest(secret.reveal()))) found = name;
  if (found !== null) return found;
  throw new CodedError("OPERATOR_UNKNOWN", "denied", "this is for operators: Authorization names none");
}

export const operatorIn = ({ config }: Pick<Ports, "config">, request: FastifyRequest): string =>
  operatorOf(config.OPERATOR_TOKENS, headerOf(request.headers, "authorization"));

const REASON_LENGTH_MAX = 500;

/** Something that is done by hand: by whom, and why. */
export interface Deed {
  readonly actor: string;
  readonly reason: string;
}

/** @throws CodedError OPERATOR_UNKNOWN (denied), REASON_MISSING (invalid) */
export function deedBy(
  operators: ReadonlyMap<string, Secret>,
  authorization: string | undefined,
  reason: string | undefined,
): Deed {
  const actor = operatorOf(operators, authorization);
  if (reason === undefined || reason.trim() === "" || reason.length > REASON_LENGTH_MAX) {
    throw new CodedError("REASON_MISSING", "invalid", `reason says why, in 1 to ${REASON_LENGTH_MAX} characters`);
  }
  return { actor, reason };
}

/** As `deedBy`, with the reason from `?reason=`. */
export const deedOf = ({ config }: Pick<Ports, "config">, request: FastifyRequest): Deed =>
  deedBy(config.OPERATOR_TOKENS, headerOf(request.headers, "authorization"), queryOf(request).reason);
