// docker-compose.yml is what Compose takes: the tool itself reads it, without an engine. The tool on PATH, else
// Debian's, fetched as a package and not installed. Where neither can be had the check says so and passes:
// infra/compose/compose.test.ts reads the file in any case.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import "../lib/typescript.mjs";
import { root } from "../lib/root.mjs";

const server = join(root, "packages", "testnet", "src", "server");
const { openCacheFolder } = await import(join(server, "cache-folder.ts"));
const { fetchDebianPrograms, findFetched } = await import(join(server, "debian-package.ts"));

const invocations = [["docker", "compose"], ["docker-compose"]];
const works = ({ command, env }) => run({ command, env }, ["version"]).status === 0;

function run({ command: [file, ...before], env }, args) {
  const options = { cwd: root, encoding: "utf8", timeout: 120_000, env: { ...process.env, ...env } };
  return spawnSync(file, [...before, ...args], options);
}

async function findTool() {
  const onPath = invocations.map((command) => ({ command, env: {} })).find(works);
  if (onPath !== undefined) return onPath;
  const cache = await openCacheFolder();
  const before = await fetchedTool(cache);
  if (before !== undefined) return before;
  const name = "docker-compose";
  const troubles = await fetchDebianPrograms(cache, [{ name, packages: [name] }], console.log);
  const tool = await fetchedTool(cache);
  return tool ?? { trouble: troubles.get(name) ?? "the fetched program does not run" };
}

/** A binary in newer releases; in older ones a script for a Python, which may have been fetched with it. */
async function fetchedTool(cache) {
  const fetched = await findFetched(cache, "docker-compose");
  if (fetched === undefined) return undefined;
  const tool = isScript(fetched.file) ? pythonTool(fetched) : { command: [fetched.file], env: libraries(fetched) };
  return works(tool) ? tool : undefined;
}

const libraries = ({ libraryPath }) => ({ LD_LIBRARY_PATH: libraryPath });

function pythonTool(fetched) {
  const usr = dirname(dirname(fetched.file));
  const modules = { PYTHONPATH: join(usr, "lib", "python3", "dist-packages") };
  const system = "/usr/bin/python3";
  if (existsSync(system)) return { command: [system, fetched.file], env: modules };
  const env = { ...modules, ...libraries(fetched), PYTHONHOME: usr };
  return { command: [join(usr, "bin", "python3"), fetched.file], env };
}

function isScript(file) {
  const start = Buffer.alloc(2);
  readSync(openSync(file, "r"), start, 0, 2, 0);
  return start.toString("latin1") === "#!";
}

/** A tool that takes everything would prove nothing. */
function refusesMisspelt(tool) {
  const folder = mkdtempSync(join(tmpdir(), "granary-compose-"));
  try {
    const file = join(folder, "docker-compose.yml");
    writeFileSync(file, "services:\n  one:\n    image: one:1.0\n    restrat: always\n");
    return run(tool, ["-f", file, "config", "-q"]).status !== 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const tool = await findTool();
if (tool.trouble !== undefined) {
  console.log(`SKIPPED: no Compose on PATH, and none could be fetched (${tool.trouble})`);
} else if (!refusesMisspelt(tool)) {
  console.error(`${tool.command.join(" ")} took a file with a misspelt key`);
  process.exitCode = 1;
} else {
  for (const files of [["docker-compose.yml"], ["docker-compose.yml", "infra/compose/publish-chain.yml"]]) {
    const { status, stderr } = run(tool, [...files.flatMap((file) => ["-f", file]), "config", "-q"]);
    if (status === 0) continue;
    console.error(`${files.join(" and ")} refused by ${tool.command.join(" ")}:\n${stderr}`);
    process.exitCode = 1;
  }
}
