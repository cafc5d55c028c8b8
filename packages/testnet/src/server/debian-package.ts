import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Log } from "./log.js";
import { findOnPath } from "./search-path.js";

/** A program by the Debian packages that can provide it; each package carries a program of its own name. */
export interface DebianProgram {
  readonly name: string;
  readonly packages: readonly string[];
}

export interface Fetched {
  readonly file: string;
  /** Libraries that came along because the system does not have them. */
  readonly libraryPath: string;
}

const APT_TIMEOUT_MS = 180_000;

/**
 * Downloads Debian packages with the system's own apt, sources and keys, and unpacks them into the cache. Nothing is
 * installed: apt is given private folders for its lists and downloads and sees the system's status file, which it
 * only reads, so it brings just the libraries that are not there yet. Works without root.
 *
 * Two processes may do this at once: each works in a folder of its own and renames the result into place; the second
 * finds the first's and discards its own.
 *
 * @returns for each program that could not be had, why
 */
export async function fetchDebianPrograms(
  cache: string,
  programs: readonly DebianProgram[],
  log: Log,
): Promise<ReadonlyMap<string, string>> {
  const aptGet = process.platform === "linux" ? findOnPath(["apt-get"]) : undefined;
  if (aptGet === undefined || findOnPath(["dpkg"]) === undefined) {
    return new Map(programs.map(({ name }) => [name, "this system has no apt-get"]));
  }
  const folder = await distributionFolder(cache);
  await removeAbandoned(folder);
  const work = join(folder, `.fetch-${process.pid}-${randomBytes(4).toString("hex")}`);
  try {
    log(`fetching ${programs.map(({ packages }) => packages[0]).join(" and ")} as Debian packages (not installed)`);
    const apt = await openApt(work, aptGet);
    const troubles = new Map<string, string>();
    const update = await apt.run(["update"]);
    for (const program of programs) {
      const trouble = update ?? (await fetchFirst(apt, program, work, folder));
      if (trouble !== undefined) troubles.set(program.name, trouble);
    }
    return troubles;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** What an earlier fetch left for this distribution; it may have stopped running since, so try it. */
export async function findFetched(cache: string, packageName: string): Promise<Fetched | undefined> {
  const root = join(await distributionFolder(cache), packageName);
  const file = ["usr/bin", "usr/sbin", "bin", "sbin"]
    .map((bin) => join(root, bin, packageName))
    .find((path) => existsSync(path));
  if (file === undefined) return undefined;
  const folders: string[] = [];
  for (const lib of [join(root, "usr", "lib"), join(root, "lib")]) {
    const entries = await readdir(lib, { withFileTypes: true }).catch(() => []);
    const multiarch = entries.filter((entry) => entry.isDirectory() && entry.name.includes("-linux-"));
    folders.push(...multiarch.map((entry) => join(lib, entry.name)), lib);
  }
  return { file, libraryPath: folders.join(":") };
}

interface Apt {
  /** Runs apt-get; undefined when it went well, else what it said. */
  run(args: readonly string[]): Promise<string | undefined>;
  readonly archives: string;
}

async function openApt(work: string, aptGet: string): Promise<Apt> {
  const archives = join(work, "cache", "archives");
  await mkdir(join(work, "state", "lists", "partial"), { recursive: true });
  await mkdir(join(archives, "partial"), { recursive: true });
  const settings = [
    `Dir::State=${join(work, "state")}`,
    `Dir::State::Lists=${join(work, "state", "lists")}`,
    "Dir::State::status=/var/lib/dpkg/status",
    `Dir::Cache=${join(work, "cache")}`,
    `Dir::Cache::archives=${archives}`,
    // All folders are ours alone: nobody to lock out, and no other user to drop to.
    "Debug::NoLocking=1",
    "APT::Sandbox::User=",
    "APT::Install-Recommends=0",
    "Acquire::Languages=none",
    "Acquire::Retries=2",
  ].flatMap((setting) => ["-o", setting]);
  return { archives, run: (args) => runQuietly(aptGet, [...settings, "-qq", "-y", ...args], work) };
}

async function fetchFirst(apt: Apt, program: DebianProgram, work: string, folder: string): Promise<string | undefined> {
  let trouble = "no package is known for it";
  for (const name of program.packages) {
    await rm(apt.archives, { recursive: true, force: true });
    await mkdir(join(apt.archives, "partial"), { recursive: true });
    const failed =
      (await apt.run(["--download-only", "install", name])) ?? (await unpack(apt.archives, join(work, name), work));
    if (failed === undefined) {
      await putInPlace(join(work, name), join(folder, name));
      return undefined;
    }
    trouble = failed;
  }
  return trouble;
}

async function unpack(archives: string, root: string, work: string): Promise<string | undefined> {
  await mkdir(root, { recursive: true });
  for (const file of await readdir(archives)) {
    if (!file.endsWith(".deb")) continue;
    const failed = await runQuietly(findOnPath(["dpkg"]) ?? "dpkg", ["-x", join(archives, file), root], work);
    if (failed !== undefined) return failed;
  }
  return undefined;
}

/** A folder that is there already is either another process's equal result or one that was tried and did not run. */
async function putInPlace(from: string, to: string): Promise<void> {
  const aside = `${from}.replaced`;
  await rename(to, aside).catch(ignoreCode("ENOENT"));
  await rename(from, to).catch(ignoreCode("ENOTEMPTY", "EEXIST"));
}

const ignoreCode =
  (...codes: string[]) =>
  (thrown: NodeJS.ErrnoException): void => {
    if (!codes.includes(thrown.code ?? "")) throw thrown;
  };

/** Libraries of one distribution's release do not fit another's: a home folder may be shared between machines. */
async function distributionFolder(cache: string): Promise<string> {
  const release = parseOsRelease(await readFile("/etc/os-release", "utf8").catch(() => ""));
  return join(cache, "debian", `${release}-${process.arch}`);
}

export function parseOsRelease(text: string): string {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([A-Z_]+)="?([^"]*)"?$/.exec(line.trim());
    if (match?.[1] !== undefined && match[2] !== undefined) values.set(match[1], match[2]);
  }
  const name = `${values.get("ID") ?? "unknown"}-${values.get("VERSION_CODENAME") ?? values.get("VERSION_ID") ?? "rolling"}`;
  return name.replaceAll(/[^\w.-]/g, "_");
}

/** Fetches that were killed leave a folder named after their process. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = /^\.fetch-(\d+)-/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function runQuietly(file: string, args: readonly string[], home: string): Promise<string | undefined> {
  const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const proxies = Object.entries(process.env).filter(([name]) => /^(https?|no|all)_proxy$/i.test(name));
  const env = {
    ...Object.fromEntries(proxies),
    PATH: path,
    HOME: home,
    LC_ALL: "C",
    DEBIAN_FRONTEND: "noninteractive",
  };
  try {
    await promisify(execFile)(file, args, { env, timeout: APT_TIMEOUT_MS });
    return undefined;
  } catch (thrown) {
    const { stderr, message } = thrown as { stderr?: string; message: string };
    const said = (stderr ?? "").split("\n").find((line) => line.startsWith("E:"));
    return said ?? message.split("\n")[0] ?? "failed";
  }
}
