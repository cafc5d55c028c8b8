import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { CodedError } from "@granary/primitives";
import { openCacheFolder } from "./cache-folder.js";

/** Whom Postgres runs as: undefined ids mean "as we do". */
export interface RunAs {
  readonly uid?: number;
  readonly gid?: number;
}

/** Ids of the first of these users in the text of /etc/passwd. */
export function findUser(passwd: string, names: readonly string[]): { uid: number; gid: number } | undefined {
  const lines = passwd.split("\n").map((line) => line.split(":"));
  for (const name of names) {
    const fields = lines.find((line) => line[0] === name);
    const [uid, gid] = [Number(fields?.[2]), Number(fields?.[3])];
    // Some systems write the id of nobody as -2; the kernel counts without a sign.
    if (Number.isInteger(uid) && Number.isInteger(gid)) return { uid: uid >>> 0, gid: gid >>> 0 };
  }
  return undefined;
}

/** @throws CodedError POSTGRES_USER_MISSING (unavailable) */
export async function serverUser(): Promise<RunAs> {
  if (process.getuid?.() !== 0) return {};
  const user = findUser(await readFile("/etc/passwd", "utf8"), ["postgres", "nobody"]);
  if (user !== undefined) return user;
  const message = "Postgres does not run as root, and there is neither a user postgres nor nobody to run it as";
  throw new CodedError("POSTGRES_USER_MISSING", "unavailable", message);
}

/**
 * Where the cluster lies: in the server's folder, unless another user must get there and cannot (a repository in
 * root's home). Then it lies in the cache, under a name made from the folder's, so that the next start finds it.
 */
export async function dataFolderFor(serverFolder: string, user: RunAs): Promise<string> {
  const own = join(resolve(serverFolder), "data");
  if (user.uid === undefined || (await isOpenToOthers(dirname(own)))) return own;
  const parent = join(await openCacheFolder(), "postgres-data");
  await mkdir(parent, { recursive: true });
  await chmod(parent, 0o711);
  return join(parent, createHash("sha256").update(own).digest("hex").slice(0, 16));
}

/** True when everybody may pass through each folder on the way. */
async function isOpenToOthers(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & 0o001) === 0) return false;
  return dirname(folder) === folder || isOpenToOthers(dirname(folder));
}
