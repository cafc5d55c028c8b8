// node scripts/generate-config-docs.mjs   writes docs/config.md from the settings of the apps
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import "./lib/typescript.mjs";
import { configDocs } from "./lib/config-docs.mjs";
import { root } from "./lib/root.mjs";

writeFileSync(join(root, "docs", "config.md"), await configDocs());
