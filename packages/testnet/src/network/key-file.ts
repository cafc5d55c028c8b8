import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";

/**
 * The file with the key under which this network's gateway wraps the keys of encrypted objects, made when it is not there.
 * It lives with the data: without it, what was encrypted under it is gone.
 */
export async function ensureKeyFile(dir: string): Promise<string> {
  const file = path.join(dir, "key-encryption-keys");
  const content = `first:${randomBytes(32).toString("base64")}\n`;
  await writeFile(file, content, { mode: 0o600, flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return file;
}
