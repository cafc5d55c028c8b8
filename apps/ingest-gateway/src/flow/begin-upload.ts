import { randomUUID } from "node:crypto";
import type { PlacementWishes } from "@granary/contracts";
import { Prisma, type Transaction, type UploadKind, type UploadModel } from "@granary/database";
import { checkFileName, checkObjectSize, type Encryption, segmentCountOf } from "@granary/domain/object";
import { type AccountId, CodedError, type UploadId } from "@granary/primitives";
import { currentTrace, traceAbout } from "@granary/telemetry";
import type { Ports } from "../ports.js";
import { checkTerritory, reserveSpace } from "./check-territory.js";

export interface NewUpload {
  readonly account: AccountId;
  readonly territory: string;
  readonly name: string;
  readonly contentType: string | null;
  readonly kind: UploadKind;
  /** Null where the protocol does not tell it before the last byte. */
  readonly sizeBytes: number | null;
  /** For the first look at the space, where the size is not exactly known. */
  readonly atLeastBytes: number;
  readonly partCount: number | null;
  readonly encryption: Encryption;
  readonly placement: PlacementWishes | null;
}

type BeginPorts = Pick<
  Ports,
  "config" | "database" | "request" | "gatewayAccount" | "checkAccess" | "limitStarts" | "now"
>;

/**
 * Lets an upload begin: its name, its size, its account, and the place it shall go to are checked, and space in the
 * territory is held for it. `find` runs first in the same transaction: where it finds an upload, that one is the answer.
 * `begun` writes in it what belongs to a new one. A crash leaves a row in state receiving, which the sweep gives up.
 */
export async function beginUpload(
  ports: BeginPorts,
  wanted: NewUpload,
  find: (tx: Transaction) => Promise<UploadModel | null> = async () => null,
  begun: (tx: Transaction, upload: UploadModel) => Promise<void> = async () => {},
): Promise<UploadModel> {
  checkUploadHeads(ports, wanted);
  ports.limitStarts(wanted.account, ports.now().getTime());
  const { remainingBytes } = await checkTerritory(ports, wanted.account, wanted.territory);
  const segmentCount = segmentCountOf(wanted.sizeBytes ?? wanted.atLeastBytes, wanted.encryption);
  const id = randomUUID() as UploadId;
  traceAbout({ upload: id });
  return ports.database.$transaction(async (tx) => {
    const known = await find(tx);
    if (known !== null) return known;
    await reserveSpace(tx, { ...wanted, remainingBytes }, { segmentCount, uploadId: id });
    const upload = await tx.upload.create({
      data: {
        id,
        account: wanted.account,
        territory: wanted.territory,
        name: wanted.name,
        contentType: wanted.contentType,
        kind: wanted.kind,
        sizeBytes: wanted.sizeBytes === null ? null : BigInt(wanted.sizeBytes),
        partCount: wanted.partCount,
        isCipher: wanted.encryption === "cess-cipher",
        isGcm: wanted.encryption === "aes-gcm",
        placement: wanted.placement ?? Prisma.DbNull,
        state: "receiving",
        trace: currentTrace() ?? null,
      },
    });
    await begun(tx, upload);
    return upload;
  });
}

/** What can be said of an upload without asking anybody. */
function checkUploadHeads(ports: Pick<Ports, "config" | "checkAccess">, wanted: NewUpload): void {
  ports.checkAccess(wanted.account);
  if (wanted.territory === "") {
    throw new CodedError("TERRITORY_MISSING", "invalid", "the header Territory names the territory to store in");
  }
  checkFileName(wanted.name);
  const sizeBytes = wanted.sizeBytes ?? wanted.atLeastBytes;
  checkObjectSize(sizeBytes, wanted.encryption);
  if (sizeBytes > ports.config.OBJECT_MAX) {
    throw new CodedError("OBJECT_TOO_LARGE", "invalid", `an object has at most ${ports.config.OBJECT_MAX} bytes`, {
      sizeBytes,
      limitBytes: ports.config.OBJECT_MAX,
    });
  }
}
