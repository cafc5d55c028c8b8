import { formatBytes } from "@granary/primitives";
import { describeStatus, type ListedObject, type UploadStatus } from "@granary/sdk";
import type { Context } from "../context.js";
import { table } from "../output.js";

/** Files that the account holds on chain. */
export async function list(context: Context, options: { territory?: string; account?: string }): Promise<void> {
  const account = options.account ?? (await context.settings.signer()).account;
  const query = new URLSearchParams({ Account: account });
  if (options.territory !== undefined) query.set("Territory", options.territory);
  const files = (await context.gateway.call<ListedObject[] | null>(`/file/list?${query}`)) ?? [];
  const rows = files.map((file) => [file.fid, formatBytes(file.size), file.territory, file.name ?? ""]);
  context.output.result(files, rows.length === 0 ? "no files" : table(["FID", "SIZE", "TERRITORY", "NAME"], rows));
}

export async function remove(context: Context, fid: string): Promise<void> {
  const signer = await context.settings.signer();
  const answer = await context.gateway.call<Record<string, unknown>>(`/file/${fid}`, { method: "DELETE", signer });
  context.output.result({ fid, ...answer }, `deleted ${fid} in block ${answer["block hash"]}`);
}

/** State of an upload (by its id) or of a file (by its FID). */
export async function status(context: Context, id: string): Promise<void> {
  if (/^[0-9a-f]{64}$/.test(id)) {
    const file = await context.gateway.call<Record<string, unknown>>(`/file/metadata/${id}`);
    context.output.result(file, JSON.stringify(file, null, 2));
    return;
  }
  const upload = await context.gateway.call<UploadStatus>(`/uploads/${encodeURIComponent(id)}`);
  const failure = upload.failure === null ? "" : `: ${upload.failure.reason} (${upload.failure.code})`;
  context.output.result(upload, `${upload.name}  ${describeStatus(upload)}${failure}  ${upload.fid ?? ""}`.trimEnd());
}

export interface ColumnMap {
  readonly fid: string;
  readonly columns: readonly {
    readonly index: number;
    readonly miner: string | null;
    readonly endpoint: string | null;
    readonly state: string;
    readonly attempts: number | null;
    readonly relaxations: readonly string[] | null;
  }[];
}

/** Which miner holds which column, after how many attempts, and what had to be given up for it. */
export async function map(context: Context, fid: string): Promise<void> {
  const placed = await context.gateway.call<ColumnMap>(`/file/map/${fid}`);
  context.output.result(placed, renderMap(placed));
}

export const renderMap = ({ columns }: ColumnMap): string =>
  table(
    ["COLUMN", "KIND", "STATE", "ATTEMPTS", "MINER", "ENDPOINT", "RELAXED"],
    columns.map((column) => [
      String(column.index),
      column.index <= 4 ? "data" : "parity",
      column.state,
      column.attempts === null ? "?" : String(column.attempts),
      column.miner ?? "-",
      column.endpoint ?? "-",
      column.relaxations === null ? "?" : column.relaxations.join(", "),
    ]),
  );
