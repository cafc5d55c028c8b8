// Compiles addon/*.c into dist/addon.node, where there is a C compiler for a processor that the kernels are for; says
// nothing and changes nothing where there is none. What is built already, of the same sources by the same compiler for
// the same machine, is kept. The compiler is $CC, or cc. Nothing here makes the build fail: the add-on is a faster way,
// never the only one.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { include_dir as headers } from "node-api-headers";

const compiler = process.env.CC ?? "cc";
const sources = fileURLToPath(new URL("../addon", import.meta.url));
const dist = fileURLToPath(new URL("../dist", import.meta.url));
const addon = join(dist, "addon.node");
const keyFile = join(dist, "addon.key");

const common = ["-std=c11", "-O3", "-fPIC", "-fvisibility=hidden", "-Wall", "-Wextra"];
/** Which instructions the compiler may use in which file: engines.c decides what is called. */
const instructions = {
  "hash-plain.c": ["-mbmi2"],
  "hash-avx2.c": ["-mavx2"],
  "hash-avx512vl.c": ["-mavx2", "-mavx512f", "-mavx512vl"],
  "hash-avx512.c": ["-mavx512f", "-mavx512bw"],
  "code-avx2.c": ["-mavx2"],
  "code-avx512.c": ["-mavx512f", "-mavx512bw"],
};
/** The functions of Node-API are in the program that loads the add-on. */
const linking = process.platform === "darwin" ? ["-bundle", "-undefined", "dynamic_lookup"] : ["-shared"];

const run = (args) =>
  new Promise((resolve) => {
    execFile(compiler, args, (error, stdout, stderr) => resolve({ ok: error === null, said: `${stdout}${stderr}` }));
  });

/** What the result depends on, beside the compiler. */
function keyOfSources() {
  const hash = createHash("sha256").update(JSON.stringify([common, instructions, linking, process.platform]));
  for (const name of readdirSync(sources).sort()) hash.update(readFileSync(join(sources, name)));
  return hash.digest("hex");
}

/** @returns what the compiler said where it failed, else null */
async function compile(folder) {
  const files = readdirSync(sources).filter((name) => name.endsWith(".c"));
  const objectOf = (file) => join(folder, `${file}.o`);
  const compiled = await Promise.all(
    files.map((file) => {
      const flags = [...common, ...(instructions[file] ?? []), "-isystem", headers];
      return run([...flags, "-c", join(sources, file), "-o", objectOf(file)]);
    }),
  );
  const failed = compiled.find(({ ok }) => !ok);
  if (failed !== undefined) return failed.said;
  const { ok, said } = await run([...linking, "-o", join(folder, "addon.node"), ...files.map(objectOf)]);
  return ok ? null : said;
}

async function build() {
  const wanted = keyOfSources();
  const version = await run(["-v"]);
  const key = `${wanted} ${createHash("sha256").update(version.said).digest("hex")}`;
  const built = existsSync(addon) && existsSync(keyFile) ? readFileSync(keyFile, "utf8") : "";
  if (built === key || (!version.ok && built.startsWith(wanted))) return;
  // What was built of other sources must not be loaded, whatever happens next.
  for (const file of [keyFile, addon]) rmSync(file, { force: true });
  if (!version.ok) return;
  mkdirSync(dist, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), "granary-native-"));
  try {
    const problem = await compile(folder);
    if (problem !== null) {
      console.warn(`The native add-on cannot be compiled here, so it is not used:\n${problem}`);
      return;
    }
    copyFileSync(join(folder, "addon.node"), addon);
    writeFileSync(keyFile, key);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.arch === "x64" && process.platform !== "win32") await build();
