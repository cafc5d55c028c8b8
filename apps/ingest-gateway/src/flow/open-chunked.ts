import type { Prisma, Transaction, UploadModel } from "@granary/database";
import type { Ports } from "../ports.js";
import { beginUpload, type NewUpload } from "./begin-upload.js";
import { lockByName } from "./check-territory.js";

export type ChunkedUpload = NewUpload & { readonly kind: "ranges" | "blocks"; readonly sizeBytes: number };

type Reader = Pick<Transaction, "upload">;

/**
 * The upload that a chunk belongs to: one with the same account, territory, name, size and encryption that is still receiving; else
 * one that has just finished, so that a repeated chunk gets the answer that was lost; else a new one.
 */
export async function openChunkedUpload(
  ports: Ports,
  wanted: ChunkedUpload,
  begun: (tx: Transaction, upload: UploadModel) => Promise<void> = async () => {},
): Promise<UploadModel> {
  ports.checkAccess(wanted.account);
  const known = await findChunkedUpload(ports, ports.database, wanted);
  if (known !== null) return known;
  const find = async (tx: Transaction) => {
    await lockByName(tx, `chunked ${[wanted.account, wanted.territory, wanted.name, wanted.sizeBytes].join("\n")}`);
    return findChunkedUpload(ports, tx, wanted);
  };
  return beginUpload(ports, wanted, find, begun);
}

/** Null where no chunk of such an upload has come, or too long ago. */
export async function findChunkedUpload(
  ports: Pick<Ports, "config" | "now">,
  reader: Reader,
  wanted: Pick<ChunkedUpload, "account" | "territory" | "name" | "sizeBytes" | "kind" | "partCount"> &
    Partial<Pick<ChunkedUpload, "encryption">>,
): Promise<UploadModel | null> {
  const same: Prisma.UploadWhereInput = {
    account: wanted.account,
    territory: wanted.territory,
    name: wanted.name,
    kind: wanted.kind,
    sizeBytes: BigInt(wanted.sizeBytes),
    partCount: wanted.partCount,
    ...(wanted.encryption === undefined ? {} : { isGcm: wanted.encryption === "aes-gcm" }),
  };
  const receiving = await reader.upload.findFirst({
    where: { ...same, state: "receiving" },
    orderBy: { createdAt: "desc" },
  });
  if (receiving !== null) return receiving;
  const since = new Date(ports.now().getTime() - ports.config.REPLAY_WINDOW);
  return reader.upload.findFirst({
    where: {
      ...same,
      state: { notIn: ["receiving", "failed"] },
      OR: [{ state: "received" }, { receivedAt: { gte: since } }],
    },
    orderBy: { createdAt: "desc" },
  });
}
