import { type AccountId, CodedError, EMPTY_FID, type Fid, isDigest } from "@granary/primitives";
import type { Ports } from "../ports.js";

export interface ListedFile {
  readonly territory: string;
  readonly fid: string;
  readonly size: number;
  readonly name: string;
  /** `pending`: on its way to the miners. */
  readonly state: "active" | "pending";
}

export interface FilePage {
  readonly files: readonly ListedFile[];
  /** Continues the listing; null at its end. */
  readonly next: string | null;
}

/**
 * Files of an account: on the first page those that this gateway still brings to the chain (and its empty objects, which
 * the chain never sees), then those on chain, in the chain-indexer's order.
 */
export async function listFiles(
  ports: Pick<Ports, "request" | "database">,
  query: { account: AccountId; territory: string | null; cursor: string | null; limit: number },
): Promise<FilePage> {
  const { account, territory, limit } = query;
  const after = query.cursor === null ? null : parseCursor(query.cursor);
  const { holdings, next } = await ports.request("holdingsList", { account, territory, after, count: limit });
  const active = holdings.map(({ fid, name, territory: place, sizeBytes }) => {
    return { territory: place, fid, size: sizeBytes, name, state: "active" as const };
  });
  const known = new Set(active.map((file) => `${file.fid} ${file.territory}`));
  const pending = after === null ? await listPending(ports, account, territory, limit) : [];
  return {
    files: [...pending.filter((file) => !known.has(`${file.fid} ${file.territory}`)), ...active],
    next: next === null ? null : formatCursor(next),
  };
}

async function listPending(
  ports: Pick<Ports, "database">,
  account: AccountId,
  territory: string | null,
  limit: number,
): Promise<ListedFile[]> {
  const place = { account, ...(territory === null ? {} : { territory }) };
  const [uploads, empty] = await Promise.all([
    ports.database.upload.findMany({
      where: { ...place, state: { in: ["encoded", "declared", "placing"] }, fid: { not: null } },
      orderBy: { createdAt: "desc" },
      distinct: ["territory", "fid"],
      take: limit,
    }),
    ports.database.catalogueObject.findMany({ where: { ...place, fid: EMPTY_FID }, take: limit }),
  ]);
  return [
    ...empty.map((one) => ({
      territory: one.territory,
      fid: one.fid,
      size: 0,
      name: one.name,
      state: "active" as const,
    })),
    ...uploads.map((one) => ({
      territory: one.territory,
      fid: one.fid as string,
      size: Number(one.sizeBytes ?? 0n),
      name: one.name,
      state: "pending" as const,
    })),
  ];
}

const formatCursor = (after: { territory: string; fid: string }): string =>
  Buffer.from(`${after.fid}${after.territory}`, "utf8").toString("base64url");

function parseCursor(cursor: string): { territory: string; fid: Fid } {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const fid = text.slice(0, 64);
  if (!isDigest(fid)) throw new CodedError("CURSOR_INVALID", "invalid", "the cursor is none that this gateway made");
  return { territory: text.slice(64), fid: fid as Fid };
}
