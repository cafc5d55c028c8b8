import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";
import { run } from "./run.mjs";

/** All that is checked without running the program. */
export async function runChecks(tally) {
  await tally.check("format and lint", async () => (await run("biome", ["check", "--error-on-warnings", "."])) === 0);
  await tally.check("types", async () => (await run("tsc", ["-p", ".", "--noEmit"])) === 0);
  for (const file of ownChecks()) {
    const name = file.replace(/\.mjs$/, "").replaceAll("-", " ");
    await tally.check(name, async () => (await run(process.execPath, [join("scripts", "checks", file)])) === 0);
  }
}

/** Each file in scripts/checks is one check: its exit code says whether the repository passes. */
function ownChecks() {
  const folder = join(root, "scripts", "checks");
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(".mjs") && !name.endsWith(".test.mjs"))
        .sort()
    : [];
}
