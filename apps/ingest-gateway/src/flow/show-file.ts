import { CodedError, EMPTY_FID, type Fid, FRAGMENTS_PER_SEGMENT, type UploadId } from "@granary/primitives";
import type { Ports } from "../ports.js";

type ShowPorts = Pick<Ports, "request" | "database">;

export interface FileMetadata {
  readonly fid: Fid;
  readonly size: number;
  readonly owner: readonly { readonly user: string; readonly file_name: string; readonly territory: string }[];
  /** active, calculate, … as the chain says; `pending` before the chain has the file. */
  readonly state: string;
  readonly segmentCount: number;
}

const unknownFile = (fid: Fid) => new CodedError("FID_UNKNOWN", "absent", "no file has this FID", { fid });

/** What is known of a file: from the chain, from its open deal, or from the catalogue. @throws FID_UNKNOWN (absent) */
export async function showMetadata(ports: ShowPorts, fid: Fid): Promise<FileMetadata> {
  if (fid !== EMPTY_FID) {
    const { file } = await ports.request("chainFileShow", { fid });
    if (file !== null) {
      const owner = file.owners.map(({ account, name, territory }) => ({ user: account, file_name: name, territory }));
      return { fid, size: file.sizeBytes, owner, state: file.state, segmentCount: file.segmentCount };
    }
    const { deal } = await ports.request("chainDealShow", { fid });
    if (deal !== null) {
      const owner = [{ user: deal.owner, file_name: deal.name, territory: deal.territory }];
      return { fid, size: deal.sizeBytes, owner, state: "pending", segmentCount: deal.segmentCount };
    }
  }
  const objects = await ports.database.catalogueObject.findMany({ where: { fid }, orderBy: { createdAt: "asc" } });
  const [first] = objects;
  if (first === undefined) throw unknownFile(fid);
  const upload = await ports.database.upload.findFirst({ where: { fid, segmentCount: { not: null } } });
  return {
    fid,
    size: Number(first.sizeBytes),
    owner: objects.map(({ account, name, territory }) => ({ user: account, file_name: name, territory })),
    state: fid === EMPTY_FID ? "active" : "pending",
    segmentCount: upload?.segmentCount ?? 0,
  };
}

export interface MapColumn {
  /** 1..12 */
  readonly index: number;
  readonly miner: string | null;
  readonly endpoint: string | null;
  /** pending, sending, placed, reported */
  readonly state: string;
  /** How often it was given to a miner, and what had to be given up for this one; null of files that others placed. */
  readonly attempts: number | null;
  readonly relaxations: readonly string[] | null;
}

export interface MapSegment {
  readonly index: number;
  readonly hash: string;
  readonly fragments: readonly { readonly index: number; readonly hash: string; readonly miner: string | null }[];
}

export interface FileMap {
  readonly fid: Fid;
  readonly state: string;
  readonly size: number;
  readonly segmentCount: number;
  readonly columns: readonly MapColumn[];
  readonly segments: readonly MapSegment[];
}

/** Which miner holds which column, and the hashes of the fragments of segments `from` ≤ index < `from + count`. */
export async function mapFile(
  ports: ShowPorts,
  fid: Fid,
  window: { readonly from: number; readonly count: number },
): Promise<FileMap> {
  const { state, size, segmentCount } = await showMetadata(ports, fid);
  const found = { fid, state, size, segmentCount };
  if (segmentCount === 0) return { ...found, columns: [], segments: [] };
  if (state === "pending") return { ...found, ...(await mapOfDeal(ports, fid, window)) };
  const { segments } = await ports.request("chainFileSegments", { fid, ...window });
  const listed = segments.map((segment, position) => ({
    index: window.from + position,
    hash: segment.hash,
    fragments: segment.fragments.map((fragment, i) => ({ index: i + 1, hash: fragment.hash, miner: fragment.miner })),
  }));
  const first =
    window.from === 0
      ? segments[0]
      : (await ports.request("chainFileSegments", { fid, from: 0, count: 1 })).segments[0];
  const miners = (first?.fragments ?? []).map((fragment) => fragment.miner);
  const endpoints = await endpointsOf(ports, miners);
  // The file is on chain, whatever the scheduler knows of how it came there.
  const { deal } = await ports.request("dealShow", { fid }).catch(() => ({ deal: null }));
  const columns = miners.map((miner, i): MapColumn => {
    const placed = deal?.columns[i];
    const ours = placed?.miner === miner ? placed : null;
    const [attempts, relaxations] = [ours?.attempts ?? null, ours?.relaxations ?? null];
    return { index: i + 1, miner, endpoint: endpoints.get(miner) ?? null, state: "reported", attempts, relaxations };
  });
  return { ...found, columns, segments: listed };
}

async function mapOfDeal(ports: ShowPorts, fid: Fid, window: { from: number; count: number }) {
  const { deal } = await ports.request("dealShow", { fid });
  const columns: MapColumn[] = (deal?.columns ?? []).map(({ index, miner, endpoint, state, attempts, relaxations }) => {
    return { index, miner, endpoint, state, attempts, relaxations };
  });
  const holders = new Map(columns.map((column) => [column.index, column.miner]));
  const upload = await ports.database.upload.findFirst({ where: { fid, segmentCount: { not: null } } });
  if (upload === null) return { columns, segments: [] };
  const uploadId = upload.id as UploadId;
  const { segments } = await ports.request("manifestSegments", { uploadId, ...window });
  return {
    columns,
    segments: segments.map(({ index, hash, fragments }) => ({
      index,
      hash,
      fragments: fragments.map((fragment, i) => ({ index: i + 1, hash: fragment, miner: holders.get(i + 1) ?? null })),
    })),
  };
}

async function endpointsOf(ports: ShowPorts, accounts: readonly string[]): Promise<Map<string, string>> {
  const known = [...new Set(accounts)].slice(0, FRAGMENTS_PER_SEGMENT) as Parameters<
    typeof ports.request<"chainMinersFind">
  >[1]["accounts"];
  const { miners } = await ports.request("chainMinersFind", { accounts: known });
  return new Map(miners.map((miner) => [miner.account, miner.endpoint]));
}

/** The DeOSS shape of `mapFile`: one entry for each column. Where miners stand on Earth is not known to the chain. */
export async function showLocation(ports: ShowPorts, fid: Fid): Promise<Record<string, object>> {
  const { columns } = await mapFile(ports, fid, { from: 0, count: 1 });
  return Object.fromEntries(
    columns
      .filter((column) => column.miner !== null)
      .map(({ index, miner, endpoint }) => [
        `${index - 1} batch fragments`,
        { account: miner, endpoint, location: null },
      ]),
  );
}

/** Name and type under which a file is served, from the catalogue; then from the chain; else none. */
export async function nameOfFile(
  ports: ShowPorts,
  fid: Fid,
): Promise<{ name: string | null; contentType: string | null }> {
  const object = await ports.database.catalogueObject.findFirst({ where: { fid }, orderBy: { createdAt: "asc" } });
  if (object !== null) return { name: object.name, contentType: object.contentType };
  // A download must not fail because its name is not to be had.
  const file = await ports.request("chainFileShow", { fid }).then(
    (shown) => shown.file,
    () => null,
  );
  return { name: file?.owners[0]?.name ?? null, contentType: null };
}
