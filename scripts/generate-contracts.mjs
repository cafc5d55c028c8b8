// node scripts/generate-contracts.mjs             writes docs/contracts.md and packages/contracts/generated
// node scripts/generate-contracts.mjs --release   also makes them the version that later ones must be compatible with
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import "./lib/typescript.mjs";
import { contractFiles } from "./lib/contract-docs.mjs";
import { root } from "./lib/root.mjs";

for (const [file, text] of await contractFiles()) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
  console.log(`wrote ${file}`);
  if (!process.argv.includes("--release") || !file.includes("/generated/") || file.endsWith("openapi.json")) continue;
  copyFileSync(join(root, file), join(root, file.replace("/generated/", "/released/")));
}
