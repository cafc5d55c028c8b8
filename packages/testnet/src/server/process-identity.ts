import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

/** A process id alone may be reused; together with the moment its process began it names one process for ever. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly began: string;
}

/** Identity of a living process; undefined when there is none (a zombie counts as none). */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const began = process.platform === "linux" ? await beganOnLinux(pid) : await beganElsewhere(pid);
  return began === undefined ? undefined : { pid, began };
}

export async function isSameProcessAlive(known: ProcessIdentity): Promise<boolean> {
  return (await identify(known.pid))?.began === known.began;
}

/** State and start time (clock ticks since boot) of /proc/<pid>/stat, see proc(5); the name in it may hold anything. */
export function parseStat(stat: string): { state: string; startTicks: string } | undefined {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTicks] = [fields[0], fields[19]];
  return state && startTicks ? { state, startTicks } : undefined;
}

async function beganOnLinux(pid: number): Promise<string | undefined> {
  try {
    const stat = parseStat(await readFile(`/proc/${pid}/stat`, "utf8"));
    if (stat === undefined || stat.state === "Z" || stat.state === "X") return undefined;
    const bootId = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
    return `${bootId.trim()}:${stat.startTicks}`;
  } catch {
    return undefined;
  }
}

async function beganElsewhere(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)("ps", ["-o", "stat=,lstart=", "-p", String(pid)]);
    const text = stdout.trim();
    if (text === "" || text.startsWith("Z")) return undefined;
    return text.replace(/^\S+\s+/, "");
  } catch {
    return undefined;
  }
}
