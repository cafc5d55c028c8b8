import { existsSync } from "node:fs";
import { access, chmod, constants, lstat, mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CodedError } from "@granary/primitives";

export interface Identity {
  readonly uid: number;
  readonly home: string;
}

/**
 * Where downloaded and unpacked servers are kept between starts. Root's home is closed to the user that Postgres
 * must run as, so root keeps its cache outside of it.
 */
export function cacheFolderFor(
  env: NodeJS.ProcessEnv,
  identity: Identity,
  isWritable: (path: string) => boolean,
): string {
  if (env.GRANARY_CACHE) return env.GRANARY_CACHE;
  const own = join("/var/tmp", `granary-${identity.uid}`);
  if (identity.uid === 0) return own;
  return isWritable(identity.home) ? join(identity.home, ".cache", "granary") : own;
}

/** This user's cache folder, made if it is missing. @throws CodedError CACHE_UNSAFE (denied) */
export async function openCacheFolder(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const home = homedir();
  const homeIsWritable = existsSync(home) && (await canWrite(home));
  const folder = cacheFolderFor(process.env, { uid, home }, () => homeIsWritable);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await refuseForeign(folder, uid);
  // Others may pass through (the Postgres user must), whatever the umask said, but never write.
  await chmod(folder, 0o755);
  return folder;
}

/** /var/tmp is everybody's: a folder that another user made there could hold programs of theirs. */
async function refuseForeign(folder: string, uid: number): Promise<void> {
  const found = await lstat(folder);
  if (found.isSymbolicLink() || (found.uid !== uid && process.getuid !== undefined)) {
    throw new CodedError(
      "CACHE_UNSAFE",
      "denied",
      `${folder} belongs to another user or is a link: remove it, or name another folder in GRANARY_CACHE`,
      { folder },
    );
  }
}

async function canWrite(folder: string): Promise<boolean> {
  return access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
