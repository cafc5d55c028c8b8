import { readFileSync } from "node:fs";
import type { Context } from "../context.js";
import { defaultName, describeStatus, follow, STAGES, stageOf, statFile, upload } from "../upload.js";

export interface PutOptions {
  readonly territory: string;
  readonly name?: string;
  readonly wait: string;
  readonly cipherFile?: string;
}

/** Uploads a file and follows it until it has reached the wanted state. */
export async function put(context: Context, file: string, options: PutOptions): Promise<void> {
  const { gateway, output } = context;
  const { size } = await statFile(file);
  const signer = await context.settings.signer();
  const sending = context.progress({ label: "upload", total: size, unit: "bytes" });
  const uploadId = await upload({
    gateway,
    signer,
    file,
    name: options.name ?? defaultName(file),
    territory: options.territory,
    ...(options.cipherFile === undefined ? {} : { cipher: readFileSync(options.cipherFile, "utf8").trim() }),
    onBytes: (sent) => sending.update(sent),
  });
  sending.finish();
  const storing = context.progress({ label: "store", total: STAGES, unit: "steps" });
  const status = await follow(gateway, uploadId, options.wait, (now) =>
    storing.update(stageOf(now), describeStatus(now)),
  );
  storing.finish(describeStatus(status));
  output.result(status, status.fid ?? uploadId);
}
