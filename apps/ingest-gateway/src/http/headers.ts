import type { IncomingHttpHeaders } from "node:http";
import { parseAccount } from "@granary/chain-client/accounts";
import { type PlacementWishes, placementWishes } from "@granary/contracts";
import { type CipherKey, cipherKeyOf } from "@granary/domain/object";
import { CodedError, FRAGMENTS_PER_SEGMENT } from "@granary/primitives";
import type { Credentials } from "../identity/identify.js";

/**
 * A header as text. Node reads header bytes as Latin-1; clients send UTF-8 in them.
 */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = Array.isArray(value) ? value.join(", ") : value;
  if (text === undefined || /^[\x20-\x7e\t]*$/.test(text)) return text;
  const decoded = Buffer.from(text, "latin1").toString("utf8");
  return decoded.includes("\ufffd") ? text : decoded;
}

export const credentialsOf = (headers: IncomingHttpHeaders): Credentials => ({
  account: headerOf(headers, "account"),
  ethAddress: headerOf(headers, "ethacc"),
  message: headerOf(headers, "message"),
  signature: headerOf(headers, "signature"),
});

/** A name that may be percent-encoded, as JavaScript clients send it. */
export function decodeName(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Null without the header. @throws CodedError CIPHER_TOO_LONG (invalid) */
export function cipherKeyFrom(headers: IncomingHttpHeaders): CipherKey | null {
  const cipher = headerOf(headers, "cipher");
  return cipher === undefined || cipher === "" ? null : cipherKeyOf(cipher);
}

/** Bytes of the body as announced; null where they are not. @throws CodedError CONTENT_LENGTH_INVALID (invalid) */
export function contentLengthOf(headers: IncomingHttpHeaders): number | null {
  const text = headers["content-length"];
  if (text === undefined) return null;
  const bytes = Number(text);
  if (!Number.isSafeInteger(bytes)) {
    throw new CodedError("CONTENT_LENGTH_INVALID", "invalid", "Content-Length is no number of bytes");
  }
  return bytes;
}

/** As with DeOSS: who names so many miners wants nobody else; who names fewer wants these first. */
const MINERS_FOR_ONLY = FRAGMENTS_PER_SEGMENT;

/**
 * What the uploader wishes of the placement: `Miner` (accounts) and `Longitude`/`Latitude` (corners of an area), each
 * repeatable, or the field `placement` with all of them as JSON, of which each part comes before the header's. A wish
 * that cannot be read is refused: silently storing elsewhere would be worse.
 *
 * @throws CodedError ACCOUNT_INVALID, AREA_INVALID, PLACEMENT_INVALID (invalid)
 */
export function placementWishesFrom(headers: IncomingHttpHeaders, field?: string): PlacementWishes | null {
  const miners = [...new Set(listOf(headers, "miner").map(parseAccount))];
  const area = areaOf(listOf(headers, "longitude"), listOf(headers, "latitude"));
  const wishes: PlacementWishes = {
    ...(miners.length === 0 ? {} : miners.length < MINERS_FOR_ONLY ? { prefer: miners } : { only: miners }),
    ...(area === null ? {} : { area }),
    ...(field === undefined ? {} : placementOf(field)),
  };
  return Object.keys(wishes).length === 0 ? null : wishes;
}

function placementOf(text: string): PlacementWishes {
  const invalid = (problem: string) =>
    new CodedError("PLACEMENT_INVALID", "invalid", `placement cannot be followed: ${problem}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("it is not JSON");
  }
  const parsed = placementWishes.strict().safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(`${issue?.path.join(".") || "it"}: ${issue?.message}`);
  }
  const oneForm = (accounts: readonly string[]) => [...new Set(accounts.map(parseAccount))];
  const { prefer, only, avoid, ...rest } = parsed.data;
  const named = Object.entries({ prefer, only, avoid }).flatMap(([key, accounts]) =>
    accounts === undefined ? [] : [[key, oneForm(accounts)] as const],
  );
  const wishes: PlacementWishes = { ...rest, ...Object.fromEntries(named) };
  if (wishes.only !== undefined && wishes.only.length < FRAGMENTS_PER_SEGMENT) {
    throw invalid(`only: ${FRAGMENTS_PER_SEGMENT} columns need as many different miners`);
  }
  return wishes;
}

const AREA_CORNERS_MIN = 3;

function areaOf(longitudes: readonly string[], latitudes: readonly string[]): [number, number][] | null {
  if (longitudes.length === 0 && latitudes.length === 0) return null;
  const corners = longitudes.map((text, i): [number, number] => [degrees(text), degrees(latitudes[i])]);
  const isValid =
    longitudes.length === latitudes.length &&
    corners.length >= AREA_CORNERS_MIN &&
    corners.every(([longitude, latitude]) => Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90);
  if (isValid) return corners;
  throw new CodedError(
    "AREA_INVALID",
    "invalid",
    "an area has three corners or more, each with Longitude and Latitude",
  );
}

const degrees = (text: string | undefined): number =>
  text !== undefined && /^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;

const listOf = (headers: IncomingHttpHeaders, name: string): string[] =>
  (headerOf(headers, name) ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
