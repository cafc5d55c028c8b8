import { readFileSync } from "node:fs";
import { formatBytes } from "@granary/primitives";
import { download } from "@granary/sdk";
import type { Context } from "../context.js";
import type { Progress } from "../progress.js";

export interface GetOptions {
  readonly output?: string;
  readonly cipherFile?: string;
  readonly encryptionKeyFile?: string;
}

export async function get(context: Context, fid: string, options: GetOptions): Promise<void> {
  let bar: Progress | undefined;
  const file = options.output ?? fid;
  const result = await download({
    gateway: context.gateway,
    fid,
    file,
    ...(options.cipherFile === undefined ? {} : { cipher: readFileSync(options.cipherFile, "utf8").trim() }),
    ...(options.encryptionKeyFile === undefined
      ? {}
      : { encryptionKey: readFileSync(options.encryptionKeyFile, "utf8").trim() }),
    signer: () => context.settings.signer(),
    onStart: (total) => {
      bar = context.progress({ label: "download", total, unit: "bytes" });
    },
    onBytes: (received) => bar?.update(received),
  });
  bar?.finish();
  context.output.result({ fid, file, ...result }, `${file}  ${formatBytes(result.sizeBytes)}  sha256 ${result.sha256}`);
}
