import { asCodedError, type Category, type CodedError } from "@granary/primitives";

/** Status of a category where its code has none of its own. */
export const statusOfCategory: Record<Category, number> = {
  invalid: 400,
  denied: 403,
  absent: 404,
  conflict: 409,
  exhausted: 429,
  unavailable: 503,
  timeout: 504,
  corrupt: 502,
  bug: 500,
};

/** Codes for which HTTP has a more exact word. */
const statusOfCode: Readonly<Record<string, number>> = {
  SIGNATURE_MISSING: 401,
  SIGNATURE_INVALID: 401,
  SIGNATURE_EXPIRED: 401,
  SIGNATURE_TOO_LONG: 401,
  SIGNATURE_REQUEST_MISMATCH: 401,
  SIGNATURE_REPLAYED: 401,
  SIGNATURE_UNBOUND: 401,
  STAGING_FULL: 507,
  TERRITORY_FULL: 507,
  PART_TOO_LARGE: 413,
  OBJECT_TOO_LARGE: 413,
  LENGTH_REQUIRED: 411,
  RANGE_NOT_SATISFIABLE: 416,
  METHOD_NOT_ALLOWED: 405,
  CONTENT_TYPE_UNSUPPORTED: 415,
  BODY_TOO_SLOW: 408,
};

export const httpStatusOf = (error: CodedError): number => statusOfCode[error.code] ?? statusOfCategory[error.category];

/** The body of every error: the DeOSS envelope (`code`, `msg`, `data`) with the coded error beside it. */
export function httpErrorBody(thrown: unknown): {
  status: number;
  body: { code: number; msg: string; data: null; error: { code: string; category: Category; details: object } };
} {
  const error = asCodedError(thrown);
  const status = httpStatusOf(error);
  const message = error.category === "bug" ? "an internal error; the gateway has recorded it" : error.message;
  const details = error.category === "bug" ? {} : error.details;
  return {
    status,
    body: { code: status, msg: message, data: null, error: { code: error.code, category: error.category, details } },
  };
}
