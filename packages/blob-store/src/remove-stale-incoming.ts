import { readdir, rm, stat } from "node:fs/promises";
import path from "node:path";

/**
 * Removes parts that a filesystem store never finished: their writer has not touched them since `before`, so it is gone.
 * @returns how many
 */
export async function removeStaleIncoming(root: string, before: Date): Promise<number> {
  const incoming = path.join(root, "incoming");
  let count = 0;
  for (const name of await readdir(incoming)) {
    const file = path.join(incoming, name);
    // Its writer may finish, and so rename it, at any moment.
    const found = await stat(file).catch(() => null);
    if (found === null || found.mtime >= before) continue;
    await rm(file, { force: true });
    count += 1;
  }
  return count;
}
