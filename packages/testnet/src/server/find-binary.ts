import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CodedError } from "@granary/primitives";
import { openCacheFolder } from "./cache-folder.js";
import { type DebianProgram, fetchDebianPrograms, findFetched } from "./debian-package.js";
import type { Log } from "./log.js";
import { findOnPath } from "./search-path.js";

/** A program that was seen to run. */
export interface Binary {
  readonly file: string;
  /** What it needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** First line of its answer to `--version`. */
  readonly version: string;
}

/** A server that Granary needs and that no npm package carries. */
export interface Program {
  readonly name: "nats" | "redis" | "prometheus";
  /** In the order of preference; each is both the program's name and its Debian package's. */
  readonly candidates: readonly [string, ...string[]];
  readonly brewFormula: string;
  /** Names a running one that is used instead. */
  readonly urlVariable?: string;
}

export const programs = {
  nats: { name: "nats", candidates: ["nats-server"], brewFormula: "nats-server", urlVariable: "NATS_URL" },
  redis: {
    name: "redis",
    candidates: ["redis-server", "valkey-server"],
    brewFormula: "redis",
    urlVariable: "REDIS_URL",
  },
} as const satisfies Record<string, Program>;

/** For tests only: fetched when a test asks for it, not with the servers. */
export const prometheusProgram: Program = {
  name: "prometheus",
  candidates: ["prometheus"],
  brewFormula: "prometheus",
};

const VERSION_TIMEOUT_MS = 10_000;
/**
 * PATH, then what an earlier start fetched, then the system's Debian packages.
 *
 * @throws CodedError SERVER_BINARY_MISSING (unavailable) with what the reader can do about it
 */
export async function findBinary(program: Program, log: Log): Promise<Binary> {
  const installed = await tryOut(findOnPath(program.candidates), {});
  if (installed !== undefined) return installed;
  const cache = await openCacheFolder();
  const fetched = await tryFetched(cache, program);
  if (fetched !== undefined) return fetched;
  const isServer = Object.values<Program>(programs).includes(program);
  const trouble = isServer
    ? await fetchMissing(cache, log)
    : await fetchDebianPrograms(cache, [wantedOf(program)], log);
  const fresh = await tryFetched(cache, program);
  if (fresh === undefined) throw missing(program, trouble.get(program.name) ?? "the fetched program does not run");
  return fresh;
}

/** One fetch serves all that is missing, so two servers that start at once do not read the package lists twice. */
let fetching: Promise<ReadonlyMap<string, string>> | undefined;

function fetchMissing(cache: string, log: Log): Promise<ReadonlyMap<string, string>> {
  fetching ??= (async () => {
    const wanted: DebianProgram[] = [];
    for (const program of Object.values<Program>(programs)) {
      const found = (await tryOut(findOnPath(program.candidates), {})) ?? (await tryFetched(cache, program));
      if (found === undefined) wanted.push(wantedOf(program));
    }
    return fetchDebianPrograms(cache, wanted, log);
  })().finally(() => {
    fetching = undefined;
  });
  return fetching;
}

const wantedOf = ({ name, candidates }: Program): DebianProgram => ({ name, packages: candidates });

async function tryFetched(cache: string, program: Program): Promise<Binary | undefined> {
  for (const name of program.candidates) {
    const found = await findFetched(cache, name);
    const binary = found && (await tryOut(found.file, { LD_LIBRARY_PATH: found.libraryPath }));
    if (binary) return binary;
  }
  return undefined;
}

async function tryOut(file: string | undefined, env: Record<string, string>): Promise<Binary | undefined> {
  if (file === undefined) return undefined;
  try {
    const options = { env: { ...env, PATH: "/usr/bin:/bin", LC_ALL: "C" }, timeout: VERSION_TIMEOUT_MS };
    const { stdout } = await promisify(execFile)(file, ["--version"], options);
    return { file, env, version: stdout.trim().split("\n")[0] ?? "" };
  } catch {
    return undefined;
  }
}

export function missing(program: Program, trouble: string, platform: NodeJS.Platform = process.platform): CodedError {
  const install =
    platform === "darwin"
      ? `brew install ${program.brewFormula}`
      : `install ${program.candidates.join(" or ")} with your system's package tool`;
  const instead =
    program.urlVariable === undefined ? "" : `, or give the address of a running one in ${program.urlVariable}`;
  return new CodedError(
    "SERVER_BINARY_MISSING",
    "unavailable",
    `${program.candidates.join(" / ")} is not on PATH and could not be fetched (${trouble}): ${install}${instead}`,
    { name: program.name },
  );
}
