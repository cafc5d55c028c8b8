import { createHash, timingSafeEqual } from "node:crypto";
import { CodedError } from "@granary/primitives";
import type { Secret } from "@granary/service-runtime";

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
