import type { OutputOf } from "@granary/contracts";
import type { Requester } from "@granary/messaging";
import type { AccountId, Fid, UploadId } from "@granary/primitives";
import type { Directory, ReadableSegment } from "../ports.js";
import { createMemo } from "./memo.js";

/** How long an answer is good. That something is not there is forgotten soonest: it may be on its way. */
const STAGED_MS = 2_000;
const CHAIN_FILE_MS = 15_000;
const ABSENT_MS = 1_000;
const ENDPOINT_MS = 30_000;
const FOREVER_MS = Number.POSITIVE_INFINITY;
/** Segments of all remembered manifests together: about 3 KiB each. */
const SEGMENTS_REMEMBERED = 10_000;
const ENTRIES_REMEMBERED = 10_000;
const MANIFEST_PAGE = 256;
const CHAIN_PAGE = 64;

type ChainFile = NonNullable<Awaited<ReturnType<Directory["onChain"]>>>;

/** What the gateway, the preprocessor and the chain-indexer know, asked over NATS. */
export function createNatsDirectory(request: Requester): Directory {
  const staged = createMemo<Fid, OutputOf<"stagedObjectFind">["staged"]>({
    load: async (fid) => (await request("stagedObjectFind", { fid })).staged,
    keepMs: (answer) => (answer === null ? ABSENT_MS : STAGED_MS),
    weightMax: ENTRIES_REMEMBERED,
    weightOf: () => 1,
  });
  const manifests = createMemo<UploadId, readonly ReadableSegment[]>({
    load: (uploadId) => loadManifest(request, uploadId),
    keepMs: () => FOREVER_MS,
    weightMax: SEGMENTS_REMEMBERED,
    weightOf: (segments) => segments.length,
  });
  const files = createMemo<Fid, ChainFile | null>({
    load: (fid) => loadChainFile(request, fid),
    keepMs: (file) => (file === null ? ABSENT_MS : CHAIN_FILE_MS),
    weightMax: SEGMENTS_REMEMBERED,
    weightOf: (file) => 1 + (file?.segments.length ?? 0),
  });
  const endpoints = new Map<AccountId, { readonly endpoint: string | null; readonly expiresAt: number }>();

  async function refreshEndpoints(miners: readonly AccountId[]): Promise<void> {
    const now = performance.now();
    const missing = miners.filter((miner) => (endpoints.get(miner)?.expiresAt ?? 0) <= now);
    if (missing.length === 0) return;
    const found = new Map(
      (await request("chainMinersFind", { accounts: missing })).miners.map(({ account, endpoint }) => [
        account,
        endpoint,
      ]),
    );
    if (endpoints.size > ENTRIES_REMEMBERED) endpoints.clear();
    for (const miner of missing) {
      endpoints.set(miner, { endpoint: found.get(miner) ?? null, expiresAt: now + ENDPOINT_MS });
    }
  }

  return {
    staged: (fid) => staged.get(fid),
    manifest: (uploadId) => manifests.get(uploadId),
    onChain: (fid) => files.get(fid),
    async endpoints(miners) {
      await refreshEndpoints(miners).catch((error: unknown) => {
        // An endpoint of half a minute ago is better than none.
        if (!miners.some((miner) => endpoints.has(miner))) throw error;
      });
      return new Map(
        miners.flatMap((miner) => {
          const endpoint = endpoints.get(miner)?.endpoint;
          return endpoint == null || endpoint === "" ? [] : [[miner, endpoint] as const];
        }),
      );
    },
    forget(fid) {
      staged.forget(fid);
      files.forget(fid);
    },
  };
}

async function loadManifest(request: Requester, uploadId: UploadId): Promise<readonly ReadableSegment[]> {
  const segments: ReadableSegment[] = [];
  for (;;) {
    const page = await request("manifestSegments", { uploadId, from: segments.length, count: MANIFEST_PAGE });
    for (const { hash, fragments } of page.segments) {
      segments.push({ hash, fragments: fragments.map((one) => ({ hash: one, miner: null, isAvailable: false })) });
    }
    if (page.segments.length === 0 || segments.length >= page.segmentCount) return segments;
  }
}

async function loadChainFile(request: Requester, fid: Fid): Promise<ChainFile | null> {
  const { file } = await request("chainFileShow", { fid });
  if (file === null) return null;
  const segments: ReadableSegment[] = [];
  while (segments.length < file.segmentCount) {
    const page = await request("chainFileSegments", { fid, from: segments.length, count: CHAIN_PAGE });
    if (page.segments.length === 0) break;
    segments.push(...page.segments);
  }
  return { sizeBytes: file.sizeBytes, segments };
}
