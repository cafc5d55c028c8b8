import type { ChainFile } from "@granary/chain-client";
import type { InputOf, OutputOf } from "@granary/contracts";
import { CodedError, type Fid } from "@granary/primitives";
import type { IndexerPorts, KnownFile } from "../ports.js";
import { knownFile } from "./judge-fid.js";

type Ports = Pick<IndexerPorts, "chain" | "mirror">;

/** From the tables; a file older than their first snapshot is asked of the chain. */
export async function showFile(ports: Ports, { fid }: InputOf<"chainFileShow">): Promise<OutputOf<"chainFileShow">> {
  const known = (await ports.mirror.file(fid)) ?? (await liveFile(ports, fid));
  if (known === null) return { file: null };
  const { state, sizeBytes, segmentCount, completedBlock, owners } = known;
  return { file: { fid, state, sizeBytes, segmentCount, completedBlock, owners: [...owners] } };
}

export async function liveFile({ chain }: Pick<Ports, "chain">, fid: Fid): Promise<KnownFile | null> {
  const head = await chain.finalizedHead();
  const file = await chain.file(fid, head.hash);
  return file === null ? null : knownFile(file, head.number);
}

/** Remembers whole files for as long as a caller needs to page through one. */
export interface FileCache {
  get(fid: Fid): Promise<ChainFile | null>;
}

/** Columns move to other miners only by a restoral order, which takes many blocks: this old is new enough. */
const KEPT_MS = 10_000;
/** A file of the greatest size has a thousand segments: some megabytes. */
const KEPT_FILES = 16;

export function createFileCache({ chain }: Pick<Ports, "chain">, now: () => number): FileCache {
  const entries = new Map<Fid, { readonly file: Promise<ChainFile | null>; readonly until: number }>();
  return {
    get(fid) {
      const entry = entries.get(fid);
      if (entry !== undefined && entry.until > now()) return entry.file;
      const file = chain.file(fid);
      entries.delete(fid);
      entries.set(fid, { file, until: now() + KEPT_MS });
      const oldest = entries.keys().next().value;
      if (entries.size > KEPT_FILES && oldest !== undefined) entries.delete(oldest);
      // Neither a failure nor an absence is worth remembering.
      const forget = () => {
        if (entries.get(fid)?.file === file) entries.delete(fid);
      };
      file.then((found) => found === null && forget(), forget);
      return file;
    },
  };
}

/** @throws CodedError FID_UNKNOWN (absent) */
export async function showSegments(
  { files }: { readonly files: FileCache },
  { fid, from, count }: InputOf<"chainFileSegments">,
): Promise<OutputOf<"chainFileSegments">> {
  const file = await files.get(fid);
  if (file === null) throw new CodedError("FID_UNKNOWN", "absent", "the chain has no such file", { fid });
  return {
    segments: file.segments.slice(from, from + count).map((segment) => ({
      hash: segment.hash,
      fragments: segment.fragments.map(({ hash, miner, isAvailable }) => ({ hash, miner, isAvailable })),
    })),
  };
}
