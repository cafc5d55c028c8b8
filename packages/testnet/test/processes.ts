import { execFile } from "node:child_process";
import { readdir, readFile, readlink } from "node:fs/promises";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";

/** Processes that work in a folder or name it in their command line. */
export async function processesIn(folder: string): Promise<number[]> {
  return process.platform === "linux" ? processesInOnLinux(folder) : processesInElsewhere(folder);
}

async function processesInOnLinux(folder: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const pid of pids) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "");
    if (command.includes(folder) || cwd.startsWith(folder)) found.push(Number(pid));
  }
  return found;
}

async function processesInElsewhere(folder: string): Promise<number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-axo", "pid=,command="]);
  const lines = stdout.split("\n").filter((line) => line.includes(folder));
  return lines.map((line) => Number.parseInt(line, 10));
}

/** Addresses of this machine at which a server on 127.0.0.1 alone must not answer. */
export function otherAddresses(): string[] {
  const outward = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const addresses = outward.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"));
  // A listener on all addresses answers at these too, also on a machine without any network.
  return [...addresses.map(({ address }) => address), "::1", ...(process.platform === "linux" ? ["127.0.0.2"] : [])];
}

export function answersAt(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.setTimeout(1000, () => finish(false));
    socket.on("connect", () => finish(true));
    socket.on("error", () => finish(false));
  });
}
