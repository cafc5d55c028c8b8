import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A new folder for one test, open to the user that Postgres runs as when the test runs as root. */
export async function temporaryFolder(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `granary-${name}-`));
  await chmod(folder, 0o711);
  return folder;
}
