import type { OutputOf } from "@granary/contracts";
import type { UploadModel } from "@granary/database";
import { asCodedError, type UploadId } from "@granary/primitives";
import type { Ports } from "../ports.js";
import { statusOf, type UploadStatus } from "./report-status.js";

export interface Why {
  readonly code: string;
  readonly reason: string;
}

export interface StuckUpload extends Pick<UploadStatus, "uploadId" | "account" | "name" | "state" | "text" | "fid"> {
  /** Of its last step forward. */
  readonly updatedAt: string;
  readonly why: Why;
}

const unfinished = ["received", "encoded", "declared", "placing"] as const;

/** Uploads that are durable here and have not moved for a while, the longest first, each with what holds it up. */
export async function listStuck(
  ports: Pick<Ports, "database" | "request" | "now">,
  query: { readonly stillMs: number; readonly count: number },
): Promise<StuckUpload[]> {
  const uploads = await ports.database.upload.findMany({
    where: { state: { in: [...unfinished] }, updatedAt: { lt: new Date(ports.now().getTime() - query.stillMs) } },
    orderBy: { updatedAt: "asc" },
    take: query.count,
  });
  return Promise.all(
    uploads.map(async (upload) => {
      const { uploadId, account, name, state, text, fid } = statusOf(upload, Number(upload.stagedBytes ?? 0n));
      const facts = { uploadId, account, name, state, text, fid, updatedAt: upload.updatedAt.toISOString() };
      return { ...facts, why: await whyStuck(ports, upload) };
    }),
  );
}

/** Asks the service whose turn it is. One that cannot be asked is the answer itself. */
async function whyStuck({ request }: Pick<Ports, "request">, upload: UploadModel): Promise<Why> {
  const uploadId = upload.id as UploadId;
  try {
    if (upload.state === "received") return whyNotEncoded((await request("encodingShow", { uploadId })).encoding);
    const [{ deal }, { placementPause }] = await Promise.all([
      request("dealShow", { uploadId }),
      request("dealQueues", {}),
    ]);
    return whyNotActive(deal, placementPause);
  } catch (thrown) {
    const { code, message } = asCodedError(thrown);
    return { code, reason: message };
  }
}

export function whyNotEncoded(encoding: OutputOf<"encodingShow">["encoding"]): Why {
  if (encoding === null) return { code: "ENCODING_UNKNOWN", reason: "the preprocessor has not heard of it yet" };
  const { state, failure, attempts, encodedSegments, segmentCount, leaseUntil } = encoding;
  if (failure !== null) return failure;
  const progress = `${encodedSegments} of ${segmentCount} segments, attempt ${attempts}`;
  if (state === "encoded") return { code: "ENCODED_UNHEARD", reason: "it is encoded; the gateway has not heard of it" };
  if (state === "encoding") return { code: "ENCODING_RUNS", reason: `${progress}, leased until ${leaseUntil}` };
  return { code: "ENCODING_WAITS", reason: `${progress}, waits for a worker or for ${leaseUntil ?? "its turn"}` };
}

export function whyNotActive(deal: OutputOf<"dealShow">["deal"], pause: OutputOf<"dealQueues">["placementPause"]): Why {
  if (deal === null) return { code: "DEAL_UNKNOWN", reason: "the scheduler has not heard of it yet" };
  if (deal.failure !== null) return deal.failure;
  if (deal.state === "active")
    return { code: "ACTIVE_UNHEARD", reason: "it is active; the gateway has not heard of it" };
  if (deal.state !== "placing") return { code: "DECLARATION_WAITS", reason: `its deal is ${deal.state}` };
  const states = ["pending", "sending", "placed", "reported"] as const;
  const counts = states.map(
    (state) => [state, deal.columns.filter((column) => column.state === state).length] as const,
  );
  const columns = counts.flatMap(([state, count]) => (count > 0 ? [`${count} ${state}`] : [])).join(", ");
  const isWaiting = deal.columns.some(({ state }) => state === "pending");
  if (pause !== null && isWaiting) {
    return { code: "PLACEMENT_PAUSED", reason: `${columns}; ${pause.actor} has paused placing: ${pause.reason}` };
  }
  const tries = deal.columns.reduce((sum, { attempts }) => sum + attempts, 0);
  return { code: "COLUMNS_MISSING", reason: `${columns}; ${tries} attempts` };
}
