// Every relative link in a Markdown file leads to something.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)));
const broken = [];
let count = 0;
for (const file of files) {
  for (const [, target] of readFileSync(join(root, file), "utf8").matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target) || target.startsWith("#")) continue;
    count += 1;
    if (!existsSync(join(root, dirname(file), target.split("#")[0]))) broken.push(`${file}: ${target}`);
  }
}
if (broken.length > 0) {
  console.error(`links that lead nowhere:\n  ${broken.join("\n  ")}`);
  process.exit(1);
}
if (count === 0) throw new Error("no links were found: the pattern is wrong");
console.log(`${count} links in ${files.length} files lead somewhere`);
