import { CodedError } from "@granary/primitives";
import type { DeadLetterDesk } from "@granary/service-runtime";
import type { Ports } from "../ports.js";

/**
 * The desk of a service that hears facts: `own` is that of this one.
 * @throws CodedError SERVICE_UNKNOWN (absent)
 */
export function deadLetterDeskOf(
  { request }: Pick<Ports, "request">,
  own: DeadLetterDesk,
  service: string | undefined,
): DeadLetterDesk {
  switch (service) {
    case "ingest-gateway":
      return own;
    case "preprocessor":
      return {
        list: (query) => request("encodingDeadLetters", query),
        settle: (order) => request("encodingDeadLetterSettle", order),
      };
    case "scheduler":
      return {
        list: (query) => request("dealDeadLetters", query),
        settle: (order) => request("dealDeadLetterSettle", order),
      };
    default:
      throw new CodedError("SERVICE_UNKNOWN", "absent", "facts are heard by ingest-gateway, preprocessor, scheduler");
  }
}

const notAnId = () => new CodedError("ID_INVALID", "invalid", "this is not an id from a listing");

/** Id of a dead letter. @throws CodedError ID_INVALID (invalid) */
export function letterId(text: string | undefined): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text ?? "")) return text as string;
  throw notAnId();
}

/** Id in a record that grows: of what operators did, of the audit. @throws CodedError ID_INVALID (invalid) */
export function recordId(text: string): string {
  if (/^\d{1,18}$/.test(text)) return text;
  throw notAnId();
}
