import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "@granary/primitives";
import { poll } from "./poll.js";
import { identify, isSameProcessAlive, type ProcessIdentity } from "./process-identity.js";

/** Who runs a server out of a folder: kept in that folder while the server runs. */
interface Owner {
  readonly supervisor: ProcessIdentity;
  readonly server: ProcessIdentity | null;
}

export interface Claim {
  /** Records the started process, for whoever finds this claim after its supervisor was killed. */
  record(pid: number): Promise<void>;
  release(): Promise<void>;
}

const REAP_TIMEOUT_MS = 10_000;

/**
 * Law: at most one server process runs out of a folder. A claim whose supervisor is dead is void: the process it
 * left, if the watchdog has not ended it yet, is killed first.
 *
 * @throws CodedError DATA_DIR_IN_USE (conflict)
 */
export async function claimFolder(folder: string): Promise<Claim> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, "owner.json");
  const supervisor = await ownIdentity();
  // Of two starts that find the same void claim at the same moment, the loser of this loop sees the winner's.
  for (let attempt = 0; ; attempt += 1) {
    if (await createOwner(file, { supervisor, server: null })) break;
    await endVoidClaim(file, folder);
    if (attempt > 10) throw inUse(folder, null);
  }
  return {
    record: async (pid) => {
      await replaceOwner(file, { supervisor, server: (await identify(pid)) ?? null });
    },
    release: () => rm(file, { force: true }),
  };
}

async function endVoidClaim(file: string, folder: string): Promise<void> {
  const owner = await readOwner(file);
  if (owner !== undefined) {
    if (await isSameProcessAlive(owner.supervisor)) throw inUse(folder, owner.supervisor.pid);
    if (owner.server !== null) await reap(owner.server);
  }
  await rm(file, { force: true });
}

async function reap(orphan: ProcessIdentity): Promise<void> {
  if (!(await isSameProcessAlive(orphan))) return;
  try {
    process.kill(orphan.pid, "SIGKILL");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
  await poll(async () => !(await isSameProcessAlive(orphan)), REAP_TIMEOUT_MS);
}

async function ownIdentity(): Promise<ProcessIdentity> {
  const identity = await identify(process.pid);
  if (identity === undefined) throw new CodedError("UNREACHABLE", "bug", "this process cannot find itself");
  return identity;
}

/** The file appears whole or not at all. False when there is one already. */
async function createOwner(file: string, owner: Owner): Promise<boolean> {
  const draft = await writeDraft(file, owner);
  try {
    await link(draft, file);
    return true;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw thrown;
  } finally {
    await rm(draft, { force: true });
  }
}

async function replaceOwner(file: string, owner: Owner): Promise<void> {
  await rename(await writeDraft(file, owner), file);
}

async function writeDraft(file: string, owner: Owner): Promise<string> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, `${JSON.stringify(owner)}\n`);
  return draft;
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

function inUse(folder: string, supervisorPid: number | null): CodedError {
  return new CodedError(
    "DATA_DIR_IN_USE",
    "conflict",
    `${folder} is in use by process ${supervisorPid ?? "(unknown)"}: stop that network first, or name another folder`,
    { folder, supervisorPid },
  );
}
