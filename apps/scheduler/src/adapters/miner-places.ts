import { readFileSync, statSync } from "node:fs";
import type { Groups, Position } from "@granary/domain/miner";
import { CodedError } from "@granary/primitives";
import ipaddr from "ipaddr.js";

/** Where a miner is, and to whom it belongs, as far as somebody wrote it down. */
export interface Place {
  readonly position: Position | null;
  readonly groups: Groups;
}

export interface MinerPlaces {
  of(account: string, host: string | null): Place;
}

const nowhere: Place = { position: null, groups: {} };
export const noPlaces: MinerPlaces = { of: () => nowhere };

interface Network {
  readonly address: ipaddr.IPv4 | ipaddr.IPv6;
  readonly bits: number;
  readonly place: Place;
}

/**
 * Lines of `key,longitude,latitude,country,asn,operator`; what is not known is left empty, and # begins a comment. A key
 * is a miner's account, the host of its endpoint, or a network in CIDR notation: the first of these that fits wins, and
 * the narrowest network of several.
 *
 * @throws CodedError PLACES_INVALID (invalid)
 */
export function parsePlaces(text: string): MinerPlaces {
  const named = new Map<string, Place>();
  const networks: Network[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const content = line.replace(/#.*$/, "").trim();
    if (content === "") continue;
    const [key = "", ...cells] = content.split(",").map((cell) => cell.trim());
    const place = placeOf(cells, i + 1);
    if (!ipaddr.isValidCIDR(key)) named.set(key, place);
    else {
      const [address, bits] = ipaddr.parseCIDR(key);
      networks.push({ address, bits, place });
    }
  }
  networks.sort((a, b) => b.bits - a.bits);
  return {
    of: (account, host) =>
      named.get(account) ?? (host === null ? undefined : (named.get(host) ?? inNetwork(networks, host))) ?? nowhere,
  };
}

function placeOf([longitude = "", latitude = "", country, asn, operator]: readonly string[], line: number): Place {
  const groups = Object.fromEntries(
    Object.entries({ country, asn, operator }).filter(([, value]) => value !== undefined && value !== ""),
  );
  if (longitude === "" && latitude === "") return { position: null, groups };
  const position = { longitude: Number(longitude), latitude: Number(latitude) };
  const isValid = longitude !== "" && latitude !== "" && Math.abs(position.longitude) <= 180;
  if (isValid && Math.abs(position.latitude) <= 90) return { position, groups };
  const form = "key,longitude,latitude,country,asn,operator";
  throw new CodedError("PLACES_INVALID", "invalid", `line ${line} of the table of places is not ${form}`, { line });
}

function inNetwork(networks: readonly Network[], host: string): Place | undefined {
  if (!ipaddr.isValid(host)) return undefined;
  const address = ipaddr.process(host);
  return networks.find(
    (one) => one.address.kind() === address.kind() && address.match([one.address, one.bits] as never),
  )?.place;
}

/** The table of a file, read again whenever the file has changed. A change that cannot be read is told, and not used. */
export function watchPlaces(
  file: string | undefined,
  onError: (error: unknown) => void,
): MinerPlaces & { look(): boolean } {
  if (file === undefined) return { ...noPlaces, look: () => false };
  const timeOf = () => statSync(file).mtimeMs;
  let readAt = timeOf();
  let places = parsePlaces(readFileSync(file, "utf8"));
  return {
    of: (account, host) => places.of(account, host),
    look() {
      try {
        const changedAt = timeOf();
        if (changedAt === readAt) return false;
        readAt = changedAt;
        places = parsePlaces(readFileSync(file, "utf8"));
        return true;
      } catch (error) {
        onError(error);
        return false;
      }
    },
  };
}
