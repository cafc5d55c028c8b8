import { readFileSync } from "node:fs";
import path from "node:path";
import { describeStatus, follow, parseWaitTarget, STAGES, stageOf, upload, withFile } from "@granary/sdk";
import type { Context } from "../context.js";

export interface PutOptions {
  readonly territory: string;
  readonly name?: string;
  readonly wait: string;
  readonly cipherFile?: string;
  readonly encrypt?: boolean;
  readonly encryptionKeyFile?: string;
  readonly prefer?: string;
  readonly first?: string;
  readonly only?: string;
  readonly avoid?: string;
  readonly area?: string;
  readonly strictArea?: boolean;
}

/** The gateway checks what is wished; here it only gets its form. */
function placementOf({ prefer, first, only, avoid, area, strictArea }: PutOptions): object | undefined {
  const accounts = (text: string) => text.split(",").map((one) => one.trim());
  const corners = (text: string) => text.split(",").map((corner) => corner.trim().split(/\s+/).map(Number));
  const placement = {
    ...(prefer === undefined ? {} : { prefer: accounts(prefer) }),
    ...(first === undefined ? {} : { first: Number(first) }),
    ...(only === undefined ? {} : { only: accounts(only) }),
    ...(avoid === undefined ? {} : { avoid: accounts(avoid) }),
    ...(area === undefined ? {} : { area: corners(area) }),
    ...(strictArea === true ? { isAreaStrict: true } : {}),
  };
  return Object.keys(placement).length === 0 ? undefined : placement;
}

function encryptionOf({ encrypt, encryptionKeyFile }: PutOptions): { encryptionKey?: string | null } {
  if (encryptionKeyFile !== undefined) return { encryptionKey: readFileSync(encryptionKeyFile, "utf8").trim() };
  return encrypt === true ? { encryptionKey: null } : {};
}

/** Uploads a file and follows it until it has reached the wanted state. */
export async function put(context: Context, file: string, options: PutOptions): Promise<void> {
  const { gateway, output } = context;
  const target = parseWaitTarget(options.wait);
  const placement = placementOf(options);
  const uploadId = await withFile(file, async (source) => {
    const signer = await context.settings.signer();
    const sending = context.progress({ label: "upload", total: source.sizeBytes, unit: "bytes" });
    const id = await upload({
      gateway,
      signer,
      source,
      name: options.name ?? path.basename(file),
      territory: options.territory,
      ...(options.cipherFile === undefined ? {} : { cipher: readFileSync(options.cipherFile, "utf8").trim() }),
      ...encryptionOf(options),
      ...(placement === undefined ? {} : { placement }),
      onBytes: (sent) => sending.update(sent),
    });
    sending.finish();
    return id;
  });
  const storing = context.progress({ label: "store", total: STAGES, unit: "steps" });
  const status = await follow(gateway, uploadId, target, (now) => storing.update(stageOf(now), describeStatus(now)));
  storing.finish(describeStatus(status));
  output.result(status, status.fid ?? uploadId);
}
