import {
  CodedError,
  FRAGMENT_BYTES,
  parseFid,
  parseFragmentHash,
  SEGMENT_BYTES,
  ZERO_FRAGMENT_HASH,
} from "@granary/primitives";
import type { Directory, FragmentPlace, ReadableObject, Segments } from "../ports.js";
import { findObject } from "./find-object.js";
import { fetchFragment, type GatherPorts } from "./gather-fragments.js";

export interface FragmentPorts extends GatherPorts {
  readonly directory: Directory;
  readonly segments: Segments;
  /** A fragment of a segment, computed off the main thread. */
  readonly encodeRow: (segment: ArrayBuffer, row: number) => Promise<{ hash: string; bytes: Uint8Array }>;
  /** Runs one such work after the other: each holds a whole segment. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * One fragment of an object: from a miner that holds it, or made anew from its segment.
 * @throws CodedError FID_UNKNOWN, FRAGMENT_UNKNOWN (absent), FRAGMENTS_NOT_ENOUGH (unavailable)
 */
export async function serveFragment(
  ports: FragmentPorts,
  request: { readonly fid: string; readonly fragment: string },
  signal: AbortSignal,
): Promise<Uint8Array> {
  const hash = parseFragmentHash(request.fragment);
  const object = await findObject(ports.directory, parseFid(request.fid));
  const places = object.segments.flatMap(({ fragments }, index) =>
    fragments.flatMap((place, row) => (place.hash === hash ? [{ place, index, row }] : [])),
  );
  const [first] = places;
  if (first === undefined) {
    throw new CodedError("FRAGMENT_UNKNOWN", "absent", "the object has no such fragment", { fid: object.fid });
  }
  if (hash === ZERO_FRAGMENT_HASH) return new Uint8Array(FRAGMENT_BYTES);
  const fetched = await fromMiners(
    ports,
    object,
    places.map(({ place }) => place),
    signal,
  );
  return fetched ?? (await ports.inTurn(() => fromSegment(ports, object, first.index, first.row, signal)));
}

async function fromMiners(
  ports: FragmentPorts,
  object: ReadableObject,
  places: readonly FragmentPlace[],
  signal: AbortSignal,
): Promise<Uint8Array | null> {
  const miners = [...new Set(places.flatMap(({ miner }) => (miner === null ? [] : [miner])))];
  const endpoints = await ports.directory.endpoints(miners);
  const into = new Uint8Array(FRAGMENT_BYTES);
  for (const miner of miners) {
    const endpoint = endpoints.get(miner);
    if (endpoint === undefined) continue;
    const fragment = (places[0] as FragmentPlace).hash;
    try {
      await fetchFragment(ports, { fid: object.fid, fragment, miner, endpoint, into, signal });
      return into;
    } catch {
      // Recorded where it happened; the next miner, or the other fragments, may do.
      signal.throwIfAborted();
    }
  }
  return null;
}

async function fromSegment(
  ports: FragmentPorts,
  object: ReadableObject,
  index: number,
  row: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const handle = await ports.segments.open(object, index, signal);
  try {
    const segment = await handle.read(0, SEGMENT_BYTES);
    const { hash, bytes } = await ports.encodeRow(segment.buffer as ArrayBuffer, row);
    if (hash === object.segments[index]?.fragments[row]?.hash) return bytes;
    throw new CodedError("FRAGMENT_CORRUPT", "corrupt", "the declared fragment is not one of its segment", {
      index,
      row,
    });
  } finally {
    handle.close();
  }
}
