import { execFile } from "node:child_process";
import { appendFile, cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

const home = fileURLToPath(new URL("..", import.meta.url));
const isForThis = process.arch === "x64" && process.platform !== "win32";
/** Writes down what it is asked for, and makes an empty file where it should make something. */
const compiler = `#!/bin/sh
[ "$1" = -v ] && echo "a compiler, $VERSION" && exit 0
echo "$@" >> "$ASKED"
[ -n "$FAILS" ] && echo "no such instruction" && exit 1
while [ "$1" != -o ]; do shift; done
echo made > "$2"
`;

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "granary-native-test-"));
  for (const name of ["addon", "scripts", "package.json"])
    await cp(path.join(home, name), at(name), { recursive: true });
  await symlink(path.join(home, "node_modules"), at("node_modules"));
  await writeFile(at("cc"), compiler, { mode: 0o755 });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Builds with the compiler above or another; tells how it ended, and how often the compiler was asked for something. */
async function build(more: Record<string, string> = {}) {
  await writeFile(at("asked"), "");
  const env = { ...process.env, CC: at("cc"), ASKED: at("asked"), VERSION: "1", ...more };
  const { code, said } = await new Promise<{ code: number; said: string }>((resolve) => {
    execFile(process.execPath, [at("scripts", "build-addon.mjs")], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, said: stdout + stderr }),
    );
  });
  const asked = (await readFile(at("asked"), "utf8")).split("\n").length - 1;
  const made = await readFile(at("dist", "addon.node"), "utf8").catch(() => null);
  return { code, said, asked, made };
}

(isForThis ? describe : describe.skip)("the build of the add-on", () => {
  it("is passed over without a word where there is no compiler", async () => {
    expect(await build({ CC: at("nowhere") })).toEqual({ code: 0, said: "", asked: 0, made: null });
  });

  it("does not make the build fail where the compiler does not know the instructions, and says so", async () => {
    const result = await build({ FAILS: "yes" });
    expect(result).toMatchObject({ code: 0, made: null });
    expect(result.said).toContain("no such instruction");
  });

  it("is done once for the same sources and compiler, and kept when the compiler is gone", async () => {
    const kept = { code: 0, said: "", asked: 0, made: "made\n" };
    const first = await build();
    expect(first).toMatchObject({ code: 0, said: "", made: "made\n" });
    expect(first.asked).toBeGreaterThan(1);
    expect(await build()).toEqual(kept);
    expect(await build({ CC: at("nowhere") })).toEqual(kept);
    expect((await build({ VERSION: "2" })).asked).toBe(first.asked);
  });

  it("is done again for other sources; what was made of those before is never left to be loaded", async () => {
    await build();
    await appendFile(at("addon", "hash.c"), "\n");
    expect((await build()).asked).toBeGreaterThan(1);
    await appendFile(at("addon", "hash.c"), "\n");
    expect(await build({ FAILS: "yes" })).toMatchObject({ made: null });
    await build();
    await appendFile(at("addon", "hash.c"), "\n");
    expect(await build({ CC: at("nowhere") })).toMatchObject({ made: null });
  });
});
